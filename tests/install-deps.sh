#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tests/install-deps.sh WHAT...
#
# Installs the Debian packages that are missing for WHAT: build, watermark, web, test, check, browser, valgrind, coverage, analyse, fuzz, bench, deb, package, servers. Looks for
# the thing itself (a program, a header, a .pc file), not for the package, so what came from elsewhere counts too. Calls apt-get only if
# something is missing. With "check" as the first word nothing is installed: what is missing is named.
set -eu
PATH=$PATH:/usr/sbin:/sbin
cd "$(dirname "$0")/.."

has_program() { command -v "$1" >/dev/null 2>&1; }
has_library() { pkg-config --exists "$1" 2>/dev/null; }
has_header()  { printf '#include <%s>\n' "$1" | $compiler -E -x c - >/dev/null 2>&1; }
has_file()    { test -e "$1"; }
has_package() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q ' installed$'; }
has_sanitizers() { printf 'int main(void){return 0;}' | clang -fsanitize=fuzzer-no-link,address -x c - -o /dev/null 2>/dev/null; }

compiler=${CC:-cc}
missing=
# want PACKAGE TEST...: notes the package unless the test succeeds.
want()
{
    package=$1
    shift
    "$@" || missing="$missing $package"
}

# libcurl in its GnuTLS flavour: libinotifytools is GPL-2, which OpenSSL's licence before 3.0 does not go with.
want_build()
{
    want gcc                   has_program "${compiler%% *}"
    want libc6-dev             has_header stdio.h
    want pkg-config            has_program pkg-config
    want libpcre2-dev          has_library libpcre2-8
    want libcurl4-gnutls-dev   has_library libcurl
    want libsqlite3-dev        has_library sqlite3
    want libinih-dev           has_library inih
    want zlib1g-dev            has_library zlib
    [ "${SYSTEMD:-yes}" = no ] || want libsystemd-dev has_library libsystemd
    [ "${INOTIFY:-tools}" = kernel ] || want libinotifytools0-dev has_header inotifytools/inotifytools.h
    want python3               has_program python3
    want tzdata                has_file /usr/share/zoneinfo/Europe/Berlin
    want ca-certificates       has_file /etc/ssl/certs/ca-certificates.crt
}

# agent-watermark's alone. The agent is built and works without it.
want_watermark() { want libpq-dev has_library libpq; }

# agent-web's alone, likewise.
want_web() { want libmicrohttpd-dev has_library libmicrohttpd; }

has_postgres() { ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; }

want_test()
{
    want_watermark
    want_web
    want postgresql            has_postgres
    want libcmocka-dev         has_library cmocka
    want logrotate             has_program logrotate
    want mandoc                has_program mandoc
    want faketime              has_program faketime
    want strace                has_program strace
    want tidy                  has_program tidy
    want zsh                   has_program zsh
    want dbus-daemon           has_program dbus-daemon
    want python3-aiosmtpd      has_file /usr/lib/python3/dist-packages/aiosmtpd
    # From Debian 14 on it is no part of util-linux itself.
    want util-linux-extra      has_program pivot_root
}

want_check() { want libcmocka-dev has_library cmocka; }

want_browser()
{
    want chromium              has_program chromium
    want tidy                  has_program tidy
    want fonts-dejavu-core     has_file /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf
    want faketime              has_program faketime
    want util-linux            has_program setpriv
}

want_deb()
{
    want_watermark
    want_web
    want build-essential       has_package build-essential
    want debhelper             has_program dh
}

want_package()
{
    want lintian               has_program lintian
    want rpm                   has_program rpmbuild
    want rpmlint               has_program rpmlint
    want shellcheck            has_program shellcheck
    want locales               has_file /usr/share/i18n/locales/cs_CZ
}

want_valgrind() { want valgrind has_program valgrind; }

want_analyse()
{
    want cppcheck              has_program cppcheck
    want clang-tidy            has_program clang-tidy
    want clang-format          has_program clang-format
}

# The e-mail tests that Postfix shares are skipped as a whole without it.
want_servers() { want python3-aiosmtpd has_file /usr/lib/python3/dist-packages/aiosmtpd; }

want_grafana()
{
    want nodejs                has_program node
    want npm                   has_program npm
}

want_coverage() { want gcovr has_program gcovr; }

want_fuzz()
{
    want clang                 has_program clang
    want libclang-rt-dev       has_sanitizers
}

want_bench()
{
    want ripgrep               has_program rg
    want mtail                 has_program mtail
    want gawk                  has_program gawk
}

look()
{
    missing=
    for what in $wanted; do
        "want_$what"
    done
}

as_root()
{
    if [ "$(id -u)" -eq 0 ]; then
        env DEBIAN_FRONTEND=noninteractive "$@"
    else
        sudo env DEBIAN_FRONTEND=noninteractive "$@"
    fi
}

# The tests hold the alert model against the real promtool, post to the real Alertmanager, have the real node_exporter read and the
# real Prometheus scrape the agent's metrics, and reach the web pages through the real nginx. Debian's packages of them start services when installed, so they are only unpacked here, below .tools/,
# and nothing of the system changes. Where they cannot be had, the tests that want them are skipped.
fetch_tools()
{
    has_program apt-get && has_program dpkg-deb || return 0
    silent=no
    # From Debian 13 on promtool is a package of its own.
    promtool=prometheus
    ! apt-cache show promtool >/dev/null 2>&1 || promtool=promtool
    for pair in "$promtool:promtool" prometheus:prometheus prometheus-alertmanager:prometheus-alertmanager \
            prometheus-node-exporter:prometheus-node-exporter nginx:nginx; do
        package=${pair%%:*} program=${pair##*:} bin=usr/bin
        [ "$program" != nginx ] || bin=usr/sbin
        # Debian's Alertmanager does not start without its templates; see tests/lib/alertmanager.py.
        shared=usr/share/prometheus/alertmanager
        [ "$package" = prometheus-alertmanager ] || shared=usr/bin/$program
        if has_program "$program" || { has_file ".tools/usr/bin/$program" && has_file ".tools/$shared"; }; then
            continue
        fi
        if [ $silent = yes ]; then
            echo "deps: no archive answers: the tests that need $program will be skipped" >&2
            continue
        fi
        echo "deps: unpacking $program from Debian's $package into .tools/ (not installed, used by tests only)"
        begun=$(date +%s)
        scratch=$(mktemp -d)
        chmod 755 "$scratch"
        if (cd "$scratch" && apt-get -qq -o Acquire::Retries=0 -o Acquire::http::Timeout=10 download "$package" 2>/dev/null) && mkdir -p .tools/usr/bin \
            && dpkg-deb -x "$scratch"/*.deb "$scratch" && mv "$scratch/$bin/$program" .tools/usr/bin/ \
            && { has_file ".tools/$shared" || { mkdir -p ".tools/${shared%/*}" && mv "$scratch/$shared" ".tools/$shared"; }; }; then
            :
        else
            echo "deps: $package cannot be downloaded: the tests that need $program will be skipped" >&2
            # A refusal comes at once. An archive that let us wait would do so for each of the others too.
            [ $(($(date +%s) - begun)) -lt 10 ] || silent=yes
        fi
        rm -rf "$scratch"
    done
}

# Real servers for `make test-servers`: Docker's engine, ClickHouse and Postfix. They are big, and their packages start services when installed,
# so they too are only unpacked, with those of the libraries they need that are not here, below .tools/servers/.
fetch_servers()
{
    has_program apt-get && has_program dpkg-deb || return 0
    for pair in docker.io:usr/sbin/dockerd busybox-static:bin/busybox clickhouse-server:usr/sbin/clickhouse-server \
            postfix:usr/lib/postfix/sbin/master; do
        package=${pair%%:*} file=${pair##*:}
        ! has_file ".tools/servers/$file" || continue
        echo "deps: unpacking Debian's $package into .tools/servers/ (not installed, used by tests only)"
        # busybox is installed everywhere in a flavour that needs libraries, which an image has not.
        packages=$(LC_ALL=C apt-get -s --no-install-recommends install "$package" 2>/dev/null | sed -n 's/^Inst \([^ ]*\) .*/\1/p')
        scratch=$(mktemp -d)
        chmod 755 "$scratch"
        mkdir -p .tools/servers
        # shellcheck disable=SC2086
        if ! (cd "$scratch" && apt-get -qq -o Acquire::Retries=0 -o Acquire::http::Timeout=10 download ${packages:-$package} 2>/dev/null) \
            || ! for deb in "$scratch"/*.deb; do dpkg-deb -x "$deb" .tools/servers; done; then
            echo "deps: $package cannot be downloaded: the tests that need it will be skipped" >&2
        fi
        rm -rf "$scratch"
    done
}

# What `make test-grafana` compares the dashboard with, of fixed versions. No script of a package is run.
fetch_grafana()
{
    ! has_file .tools/grafana/node_modules/typescript/bin/tsc || return 0
    echo "deps: fetching @grafana/schema and typescript from npm's registry into .tools/grafana/ (used by tests only)"
    mkdir -p .tools/grafana
    npm install --prefix .tools/grafana --ignore-scripts --no-audit --no-fund --silent @grafana/schema@11.6.0 typescript@5.4.5 >/dev/null 2>&1 ||
        echo "deps: they cannot be fetched: the tests that need them will be skipped" >&2
}

# apt-get with patience of seconds, in English, and what it says kept for the case that it fails.
apt_get() { as_root env LC_ALL=C $limit apt-get -o Acquire::Retries=0 -o Acquire::http::Timeout=10 -o Acquire::https::Timeout=10 "$@" >"$said" 2>&1; }
limit=

# Whether apt-get has an answer of any of its archives.
answered() { grep -Eq '^(Hit|Get):' "$said"; }

# Fetches the lists of packages. An archive or a proxy that accepts connections and never answers costs 10 seconds for each list, so
# that within 15 seconds at least one archive must have answered. Where one has, the rest gets the time that it needs.
update_lists()
{
    limit="timeout 15" updated=yes code=0
    apt_get update || code=$?
    limit=
    if [ $code -eq 124 ] && answered; then
        code=0
        apt_get update || code=$?
    fi
    [ $code -eq 0 ] || updated=no
}

# Debian's postgresql makes a database cluster and starts it, unless it is told not to before: the tests make their own.
install_no_cluster()
{
    config=/etc/postgresql-common/createcluster.conf
    apt_get install -y --no-install-recommends $download postgresql-common || return 0
    as_root sed -i 's/^#*create_main_cluster.*/create_main_cluster = false/' "$config" || return 0
}

# Installs what is missing, or says in a few lines that it cannot be had. If not one list could be fetched there is no network, and
# only packages that are downloaded already are tried.
install_missing()
{
    if [ "$(id -u)" -ne 0 ] && ! has_program sudo; then
        echo "deps: neither root nor sudo here; as root, run: apt-get install$missing" >&2
        exit 1
    fi
    said=$(mktemp)
    trap 'rm -f "$said"' EXIT
    download=
    update_lists
    if ! answered && { [ $code -eq 124 ] || grep -q '^Err:' "$said"; }; then
        download=--no-download
    elif [ $updated = no ]; then
        echo "deps: apt-get update failed; trying with the package lists at hand" >&2
    fi
    why=$(grep '^[EW]: ' "$said" | head -n 1)
    [ $code -ne 124 ] || why="no answer within 15 seconds"
    case " $missing " in *" postgresql "*) install_no_cluster ;; esac
    if ! apt_get install -y --no-install-recommends $download $missing; then
        [ -n "$download" ] || why=$(grep '^E: ' "$said" | head -n 1)
        [ -z "$download" ] || echo "deps: apt-get reaches none of its archives: no network?" >&2
        echo "deps: these packages are missing and could not be installed:$missing" >&2
        echo "deps: apt-get said: ${why:-nothing}" >&2
        exit 1
    fi
}

mode=install
if [ "${1:-}" = check ]; then
    mode=check
    shift
fi
wanted=${*:-build}
look

if [ -n "$missing" ] && [ "$mode" = check ]; then
    echo "missing:$missing (the names of Debian's packages); \`make deps\` installs them" >&2
    exit 1
fi
if [ -n "$missing" ] && ! has_program apt-get; then
    echo "deps: this is no Debian system; please install what these Debian packages hold:$missing" >&2
    exit 1
fi
if [ -n "$missing" ]; then
    echo "deps: installing$missing"
    install_missing
    look
    if [ -n "$missing" ]; then
        echo "deps: installed, but still not found:$missing" >&2
        exit 1
    fi
fi
if [ "$mode" = install ]; then
    case " $wanted " in *" test "*) fetch_tools ;; esac
    case " $wanted " in *" servers "*) fetch_servers ;; esac
    case " $wanted " in *" grafana "*) fetch_grafana ;; esac
fi
