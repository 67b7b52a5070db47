#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Fills a manual page's or completion's template with what the agent says of itself.

    generate.py AGENT TEMPLATE >FILE

A line "@NAME@" of the template is replaced by the lines that the function of that name below makes of `AGENT --describe`.
"""
import json
import pathlib
import re
import subprocess
import sys
import textwrap


def prose(text):
    """Text for roff in lines as mandoc likes them: no escape, no request, dashes that stay dashes, each sentence on a new line."""
    text = text.replace("\\", "\\e").replace("--", "\\-\\-")
    lines = [line for sentence in re.split(r"(?<=\.) (?=[A-Z0-9])", text)
             for line in textwrap.wrap(sentence, 76, break_long_words=False, break_on_hyphens=False)]
    return "\n".join("\\&" + line if line[0] in ".'" else line for line in lines)


def options_mdoc(options):
    yield ".Bl -tag -width Ds"
    for option in options:
        yield f".It Fl -{option['name']}" + (f" Ar {option['argument']}" if option["argument"] else "")
        yield sentence(option["help"])
    yield ".El"


def commands_mdoc(facts):
    for command in facts["commands"]:
        yield f".Ss {command['name']}"
        yield sentence(command["summary"])
        yield f".Dl agent {command['name']} {command['usage']}".rstrip().replace("--", "\\-\\-")
        if command["options"]:
            yield from options_mdoc(command["options"])


def common_mdoc(facts):
    yield from options_mdoc(facts["options"])


def command_lines(command, width):
    """A shell command in lines that can be copied together. What stands in quotes is not broken."""
    line = ""
    for word in re.findall(r"(?:[^\s\"']|\"[^\"]*\"|'[^']*')+", command):
        if line and len(f"{line} {word}") > width - 2:
            yield line if line[-1] in ";|&" else line + " \\"
            line = word
        else:
            line = f"{line} {word}".lstrip()
    yield line


def sentence(clause):
    return prose(clause[0].upper() + clause[1:] + ".")


def alerts_mdoc(facts):
    yield ".Bl -tag -width Ds"
    for alert in facts["alerts"]:
        yield ".It Li " + " , ".join(dict.fromkeys((alert["warning"], alert["critical"])))
        said = {"warning": alert["warning_when"], "critical": alert["critical_when"] or "never", "keys": alert["keys"],
                "runbook": alert["runbook"] and f"{alert['runbook']}, which expects a recovery within {alert['recovery']}"}
        yield sentence(alert["means"])
        for label, text in said.items():
            if text:
                yield ".br"
                yield sentence(f"{label}: {text}")
        if alert["first_command"]:
            yield ".br"
            yield "First command:"
            yield ".Bd -literal -compact"
            for line in command_lines(alert["first_command"], 66):
                yield line.replace("\\", "\\e").replace("-", "\\-")
            yield ".Ed"
    yield ".El"


def keys_mdoc(facts):
    section = None
    for key in facts["keys"]:
        if key["section"] != section:
            if section:
                yield ".El"
            section = key["section"]
            yield f".Ss [{section}{' NAME' if key['named'] else ''}]\\&"
            yield ".Bl -tag -width Ds"
        yield f".It Cm {key['name']}"
        yield prose(key["help"])
        takes = f"Takes {key['takes']}"
        if key["initial"] is not None:
            takes += f"; default {key['initial']}" + (f" ({key['otherwise']})" if key["otherwise"] else "")
        elif key["otherwise"]:
            takes += f"; default: {key['otherwise']}"
        yield prose(takes + ".")
        yield prose(f"Reload: {key['reload']}.")
    yield ".El"


def change_mdoc(facts, word):
    """The keys for which a reload has that word, as a list."""
    yield ".Bl -bullet -compact"
    for key in facts["keys"]:
        if word in key["reload"]:
            section = key["section"] + (" No NAME Ns Li " if key["named"] else "")
            yield f".It\n.Li {section}.{key['name']}"
    yield ".El"


def restart_mdoc(facts):
    yield from change_mdoc(facts, "no,")


def reach_mdoc(facts):
    yield from change_mdoc(facts, "directory")


def choices(option):
    """The words that an option takes, where it names them; "FILE"; "" for others; None for a flag."""
    argument = option["argument"]
    if argument is None or argument == "FILE":
        return argument
    return argument.replace("|", " ") if "|" in argument else ""


def set_words(facts):
    return " ".join(f"{key['section']}.{key['name']}=" for key in facts["keys"] if not key["named"])


def table_bash(facts):
    """Shell variables: the commands, the keys, and for each command its options and what they take."""
    yield "local commands='" + " ".join(command["name"] for command in facts["commands"]) + "'"
    yield f"local keys='{set_words(facts)}'"
    yield "local -A options=("
    for command in facts["commands"]:
        names = [f"--{option['name']}" for option in command["options"] + facts["options"]]
        yield f"    [{command['name']}]='{' '.join(names)}'"
    yield ")"
    yield "local -A words=("
    for command in facts["commands"]:
        for option in command["options"] + facts["options"]:
            if choices(option) is not None and option["name"] != "set":
                yield f"    ['{command['name']} --{option['name']}']='{choices(option)}'"
    yield ")"


def zsh_text(text):
    return re.sub(r"([\[\]:\\])", r"\\\1", text).replace("'", "'\\''")


def zsh_option(option):
    repeated = "*" if option["name"] == "set" else ""
    action = {None: "", "FILE": ":file:_files"}.get(choices(option), f":{option['argument']}:({choices(option)})"
                                                   if choices(option) else f":{option['argument']}: ")
    if option["name"] == "set":
        action = ":key:_agent_keys"
    return f"'{repeated}--{option['name']}[{zsh_text(option['help'])}]{action}'"


def commands_zsh(facts):
    for command in facts["commands"]:
        yield f"    '{command['name']}:{zsh_text(command['summary'])}'"


def keys_zsh(facts):
    yield f"    compadd -S '' -- {set_words(facts)}"


def options_zsh(facts):
    for command in facts["commands"]:
        yield f"    {command['name']})"
        yield "        _arguments \\"
        for option in command["options"] + facts["options"]:
            yield f"            {zsh_option(option)} \\"
        yield "            '*:file:_files'"
        yield "        ;;"


def main(agent, template):
    facts = json.loads(subprocess.run([agent, "--describe"], check=True, capture_output=True, text=True).stdout)
    for line in pathlib.Path(template).read_text(encoding="utf-8").splitlines():
        mark = re.fullmatch(r"(\s*)@(\w+)@", line)
        for made in globals()[mark[2]](facts) if mark else [line]:
            print((mark[1] if mark else "") + made)


if __name__ == "__main__":
    main(*sys.argv[1:])
