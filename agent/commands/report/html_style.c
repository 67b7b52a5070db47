/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "html_style.h"

/* One string for each rule, because C compilers need not take a string literal of more than 4095 characters. */
static const char *const rules[] = {
    ":root{color-scheme:light dark;--page:#f6f5f2;--card:#fff;--ink:#1d2127;--soft:#5d6673;--line:#e3e1dc;"
    "--good:#1d7f4e;--warning:#9a6200;--critical:#bf2b2b;--fine:#4f8f72;--slow:#d9952b;--bad:#cf4040;--rows:#8aa0bd;"
    "--accent:#2a5db0;--code:#f1efea;--shade:#f5e3bf;--severe:#f6d9d5}",
    "@media (prefers-color-scheme:dark){:root{--page:#14171b;--card:#1c2026;--ink:#e6e8eb;--soft:#98a2ae;"
    "--line:#2c323a;--good:#5fc48f;--warning:#e3ad4f;--critical:#f27b74;--fine:#4d9b78;--slow:#d29a3c;--bad:#e0605a;"
    "--rows:#5f7694;--accent:#86aef0;--code:#252a31;--shade:#37301f;--severe:#3d2726}}",
    "*{box-sizing:border-box}",
    "body{margin:0;background:var(--page);color:var(--ink);"
    "font:16px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;-webkit-text-size-adjust:100%}",
    "main{max-width:60rem;margin:0 auto;padding:2.5rem 1.25rem 4rem}",
    "header{border-left:5px solid var(--tone);padding:.15rem 0 .15rem 1.25rem;margin-bottom:2rem}",
    ".critical{--tone:var(--critical)}.warning{--tone:var(--warning)}.good{--tone:var(--good)}.plain{"
    "--tone:var(--accent)}",
    "h1{font-size:clamp(1.6rem,5vw,2.4rem);line-height:1.15;letter-spacing:-.02em;margin:.3rem 0 .2rem;"
    "overflow-wrap:anywhere}",
    "h2{font-size:1.05rem;letter-spacing:-.005em;margin:0 0 .9rem}",
    ".eyebrow{margin:0;color:var(--soft);font-size:.85rem}",
    ".badge{display:inline-block;padding:.05rem .6rem;margin-right:.5rem;border-radius:1rem;background:var(--tone);"
    "color:var(--card);font-weight:600;font-size:.78rem}",
    ".headline{margin:0;font-size:1.2rem;font-weight:600;color:var(--tone)}",
    ".summary{margin:.5rem 0 0;max-width:44rem;overflow-wrap:anywhere}",
    ".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(13rem,1fr));gap:.9rem;margin-bottom:.9rem}",
    ".card{background:var(--card);border:1px solid var(--line);border-radius:.7rem;padding:1.15rem 1.3rem;"
    "margin-bottom:.9rem;min-width:0}",
    ".cards .card{margin:0;padding:.9rem 1.1rem}",
    ".cards p{margin:0}",
    ".figure{font-size:1.65rem;font-weight:650;letter-spacing:-.02em;line-height:1.3;"
    "font-variant-numeric:tabular-nums;color:var(--tone,var(--ink))}",
    ".note{color:var(--soft);font-size:.85rem}",
    ".pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(24rem,100%),1fr));gap:.9rem}",
    ".pair .card{margin:0 0 .9rem}",
    "dl.facts{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.4rem 1.1rem;margin:0}",
    "dl.facts dt{color:var(--soft)}dl.facts dd{margin:0;overflow-wrap:anywhere}",
    "dd.good,dd.warning,dd.critical,td.good,td.warning,td.critical{color:var(--tone)}",
    "code{font:.84em/1.5 ui-monospace,'SF Mono',Menlo,Consolas,monospace;background:var(--code);border-radius:.3rem;"
    "padding:.12rem .35rem;overflow-wrap:anywhere;white-space:pre-wrap;-webkit-box-decoration-break:clone;"
    "box-decoration-break:clone}",
    "p.lead{margin:0 0 .8rem}p.plain{margin:0}",
    ".scroll{overflow-x:auto}",
    "svg{display:block;width:100%;min-width:35rem;height:auto}",
    "svg text{font:11px system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;fill:var(--soft)}",
    ".grid,.tick{stroke:var(--line)}.floor{stroke:var(--soft);stroke-opacity:.5}.limit{stroke-dasharray:4 4;"
    "stroke-opacity:.75}",
    ".limit.slow{stroke:var(--slow)}.limit.severe{stroke:var(--bad)}",
    ".shade{fill:var(--shade)}.shade.severe{fill:var(--severe)}",
    "rect.band{fill:var(--accent);fill-opacity:.22}line.band{stroke:var(--accent);stroke-opacity:.5}",
    ".bar.fine{fill:var(--fine)}.bar.slow{fill:var(--slow)}.bar.bad{fill:var(--bad)}.bar.rows{fill:var(--rows)}",
    ".missed{fill:none;stroke:var(--bad);stroke-width:1.5}",
    "line.flag{stroke:var(--ink);stroke-width:1.25}line.flag.prometheus{stroke:var(--soft);stroke-dasharray:3 3}",
    "svg text.paged{fill:var(--ink);font-weight:600}",
    ".key{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;margin:.5rem 0 0;padding:0;list-style:none;color:var(--soft);"
    "font-size:.8rem}",
    ".key li[class]::before{content:'';display:inline-block;width:.7rem;height:.7rem;border-radius:.15rem;"
    "margin-right:.4rem;vertical-align:-.05rem}.key .fine::before{background:var(--fine)}.key .slow::before{"
    "background:var(--slow)}.key .bad::before{background:var(--bad)}.key .severe::before{background:var(--severe)}"
    ".key .lesser::before{background:var(--shade)}.key .usual::before{background:var(--accent);opacity:.45}"
    ".key li.none::before{border:1.5px solid var(--bad);border-radius:50%}",
    ".story{list-style:none;margin:0;padding:0}",
    ".story>li{position:relative;display:grid;grid-template-columns:5.2rem minmax(0,1fr);gap:.1rem 1.9rem;"
    "padding-bottom:.8rem}",
    ".story>li::before{content:'';position:absolute;left:6.1rem;top:1.2rem;bottom:-.45rem;width:1px;"
    "background:var(--line)}",
    ".story>li:last-child::before{display:none}",
    ".story>li::after{content:'';position:absolute;left:5.8rem;top:.5rem;width:.62rem;height:.62rem;"
    "border-radius:50%;background:var(--tone,var(--soft));box-shadow:0 0 0 3px var(--card)}",
    ".story>li.evidence::after,.story>li.ghost::after{background:var(--card);border:1.5px solid var(--soft)}",
    ".story time{color:var(--soft);font-size:.85rem;line-height:1.75;font-variant-numeric:tabular-nums}",
    ".story b{font-weight:620;color:var(--tone,var(--ink))}.story p{margin:0;overflow-wrap:anywhere}",
    ".story .day{display:block;padding:.35rem 0 .65rem;font-weight:600;font-size:.9rem}"
    ".story .day::before,.story .day::after{display:none}",
    ".ghost p,.ghost b{color:var(--soft)}",
    ".sent{list-style:none;margin:.15rem 0 0;padding:0;color:var(--soft);font-size:.85rem;overflow-wrap:anywhere}",
    ".sent .failed{color:var(--warning)}",
    "table{border-collapse:collapse;width:100%;font-size:.9rem;font-variant-numeric:tabular-nums}",
    "th{text-align:left;font-weight:500;color:var(--soft);font-size:.82rem;padding:0 .8rem .4rem 0;"
    "border-bottom:1px solid var(--line);white-space:nowrap}",
    "td{padding:.45rem .8rem .45rem 0;border-bottom:1px solid var(--line);vertical-align:top}tr:last-child td{"
    "border-bottom:0}",
    "td:not(:last-child){white-space:nowrap}td.long{white-space:normal;min-width:10rem;overflow-wrap:anywhere}th.right,"
    "td.right{text-align:right}td.dim{color:var(--soft)}td.strong{"
    "font-weight:600}",
    ".asks{list-style:none;margin:0;padding:0}.asks li{position:relative;padding:.2rem 0 .2rem 1.75rem;"
    "overflow-wrap:anywhere}",
    ".asks li::before{content:'';position:absolute;left:0;top:.52rem;width:.9rem;height:.9rem;"
    "border:1.5px solid var(--soft);border-radius:.22rem}",
    ".asks li.warning{font-weight:600}",
    "details{margin-top:.6rem;font-size:.85rem}summary{color:var(--soft);cursor:pointer;width:max-content;max-width:"
    "100%}",
    "details .scroll{max-height:24rem;overflow-y:auto;margin-top:.5rem}",
    "footer{color:var(--soft);font-size:.8rem;margin-top:1.6rem}",
    "@media (max-width:34rem){main{padding:1.4rem .9rem 3rem}.card{padding:1rem}.cards{grid-template-columns:1fr 1fr;"
    "gap:.6rem}.cards .card{padding:.7rem .85rem}.figure{font-size:1.3rem}dl.facts{grid-template-columns:1fr;gap:0}"
    "dl.facts dd{margin-bottom:.55rem}dl.facts dt{font-size:.82rem}.story>li{"
    "grid-template-columns:4.2rem minmax(0,1fr);gap:.1rem 1.5rem}.story>li::before{left:4.9rem}.story>li::after{"
    "left:4.6rem}}",
    "@media (max-width:34rem){svg{min-width:0}svg text{font-size:20px}svg text.between{display:none}}",
    /* On paper everything is smaller: an incident with six failures takes two pages. */
    "@page{margin:12mm}",
    "@media print{:root{--page:#fff;--card:#fff;--ink:#000;--soft:#444;--line:#ccc;font-size:11px}body{"
    "font-size:8.5pt;line-height:1.3}main{max-width:none;padding:0}header{margin-bottom:.6rem}.card{border:0;"
    "border-top:1px solid var(--line);border-radius:0;padding:.4rem 0;margin-bottom:.3rem}.pair .card{margin:0}"
    "h1{font-size:1.6rem}h2{break-after:avoid;margin-bottom:.3rem}.cards{grid-template-columns:repeat(4,1fr);"
    "margin-bottom:.3rem}.cards .card{padding:.3rem 0}.figure{font-size:1.3rem}.pair{"
    "grid-template-columns:1fr 1fr}dl.facts{gap:.1rem .8rem}.story>li{padding-bottom:.2rem}.story time{"
    "line-height:1.4}td{padding:.15rem .8rem .15rem 0}svg{min-width:0;max-height:42mm}.scroll{overflow:visible}"
    ".story>li,tr,.cards .card,svg,.asks li{break-inside:avoid}*{-webkit-print-color-adjust:exact;"
    "print-color-adjust:exact}}",
};

void report_style(struct strbuf *out)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        strbuf_puts(out, rules[i]);
        strbuf_puts(out, "\n");
    }
}

void report_navigation(const char *here, struct strbuf *out)
{
    static const struct {
        const char *path, *name;
    } pages[] = {
        { "/", "Status" },
        { "/tables", "Tables" },
        { "/cycles", "Cycles" },
        { "/incidents", "Incidents" },
        { "/report?since=7d", "The last week" },
    };
    strbuf_puts(out, "<nav class=\"eyebrow\">");
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++)
        strbuf_printf(out, "%s<a href=\"%s\"%s>%s</a>", i ? " " : "", pages[i].path,
                      here && strcmp(here, pages[i].path) == 0 ? " aria-current=\"page\"" : "", pages[i].name);
    strbuf_puts(out, "</nav>\n");
}

void report_refresh(int every_ms, struct strbuf *out)
{
    enum { WITHOUT_SCRIPT_S = 60 };
    strbuf_printf(out,
                  "<meta name=\"refresh-every-ms\" content=\"%d\">\n<script src=\"/refresh.js\" defer></script>\n"
                  "<noscript><meta http-equiv=\"refresh\" content=\"%d\"></noscript>\n",
                  every_ms, WITHOUT_SCRIPT_S);
}
