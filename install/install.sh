#!/bin/sh
# From a checkout, or a wheel of it, to a scheduler that the system calls, in one command; and back again.
#
#   sh install/install.sh [--venv FOLDER] [--config FILE] [WHEEL] [-- OPTIONS OF 'adaptive-scheduler install']
#   sh install/install.sh --uninstall [--venv FOLDER] [--config FILE] [-- OPTIONS OF 'adaptive-scheduler uninstall']
#
# PYTHON names the Python to use. Doing it again brings everything up to date; a tasks.toml that is there
# stays as it is, and neither it nor what the tasks left behind is ever removed.
set -eu

main() {
    uninstall=no venv='' config='' wheel=''
    while [ $# -gt 0 ]; do
        case $1 in
            --uninstall) uninstall=yes ;;
            --venv) needs_value "$@" && venv=$2 && shift ;;
            --config) needs_value "$@" && config=$2 && shift ;;
            -h | --help) usage && return ;;
            --) shift && break ;;
            -*) refuse "unknown option '$1'; options of the registration stand behind --" ;;
            *)
                [ -z "$wheel" ] || refuse "one wheel is enough: '$wheel', '$1'"
                wheel=$1
                ;;
        esac
        shift
    done
    [ -n "${HOME-}" ] || { [ -n "$venv" ] && [ -n "$config" ]; } || refuse "HOME is not set; give --venv and --config"
    venv=$(absolute "${venv:-$HOME/.local/share/adaptive-scheduler/venv}")
    config=$(absolute "${config:-$(users_folder)/adaptive-scheduler/tasks.toml}")
    program=$venv/bin/adaptive-scheduler
    mark=$venv/made-by-install.sh
    if [ $uninstall = yes ]; then
        [ -z "$wheel" ] || refuse "--uninstall takes no wheel"
        take_away "$@"
    else
        set_up "$@"
    fi
}

needs_value() { [ $# -gt 1 ] || refuse "$1 needs a value"; }

usage() { sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; }

set_up() {
    source=${wheel:-$(dirname "$0")/..}
    [ -e "$source" ] || refuse "there is no wheel '$source'"
    [ -d "$source" ] && source=$(cd "$source" && pwd) || source=$(absolute "$source")
    [ -n "$wheel" ] || [ -e "$source/pyproject.toml" ] || refuse "'$source' is no checkout; name a wheel"
    [ -e "$config" ] || [ "${config##*/}" = tasks.toml ] ||
        refuse "'$config' is not there; one can be written for you where its name is tasks.toml"
    make_venv
    say "installing '$source' into '$venv'"
    install_package
    if [ ! -e "$config" ]; then
        mkdir -p "$(dirname "$config")"
        "$program" init "$(dirname "$config")" >/dev/null
        say "wrote '$config', to start from"
    fi
    # Of what else 'check' finds, a registration that no longer fits is mended by the next line.
    checked=0
    "$program" --config "$config" check || checked=$?
    [ $checked -ne 2 ] || refuse "mend what 'check' found, then start this again"
    "$program" --config "$config" install "$@" || refuse "it is installed, and not registered: see above"
    cat <<END

It is installed. Next:
  edit      $(quoted "$config")
  check     $(quoted "$program") --config $(quoted "$config") check
  look      $(quoted "$program") --config $(quoted "$config") status
  remove    sh $(quoted "$(absolute "$0")") --uninstall --venv $(quoted "$venv") --config $(quoted "$config")
END
}

take_away() {
    if [ ! -e "$program" ]; then
        say "nothing is installed in '$venv'"
        return
    fi
    "$program" --config "$config" uninstall "$@" || refuse "it is registered still, so nothing was removed"
    if [ -e "$mark" ]; then
        rm -rf "$venv"
        say "removed '$venv'; '$config' and what its tasks left behind are still there"
    else
        "$venv/bin/python" -m pip uninstall --quiet --yes --disable-pip-version-check adaptive-rhythm-scheduler
        say "removed the package from '$venv', which was there before; '$config' is still there"
    fi
}

# -- Python, and an environment of its own -----------------------------------------------------------

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
    for python in "${PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11; do
        if new_enough "$python"; then
            return
        fi
        [ -z "${PYTHON-}" ] || break
    done
    found=$("${PYTHON:-python3}" -V 2>/dev/null) || found='none'
    refuse "Python 3.11 or newer is needed (found: $found); install one, or name it: PYTHON=/path/to/python3.12 sh $0"
}

make_venv() {
    if new_enough "$venv/bin/python" && "$venv/bin/python" -c 'import pip' 2>/dev/null; then
        return
    fi
    if [ -e "$venv" ] && [ ! -e "$mark" ] && [ -n "$(ls -A "$venv")" ]; then
        refuse "'$venv' is there and is no environment that works; choose another with --venv"
    fi
    find_python
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        refuse "'$python' cannot make environments; on Debian and Ubuntu: apt-get install python3-venv"
    say "making '$venv' with $("$python" -V)"
    mkdir -p "$venv"
    : >"$mark"
    "$python" -m venv --clear "$venv" || refuse "cannot make '$venv'; remove it and start again"
    : >"$mark" # --clear took it away; it stands before, too, for a run that is stopped in between
}

install_package() {
    complaints=$venv/pip-complaints.txt
    if pip --upgrade "$source" && { [ -z "$wheel" ] || pip --no-deps --no-index --force-reinstall "$source"; }; then
        rm -f "$complaints"
        return
    fi
    cat "$complaints" >&2
    if grep -Eq "$unreachable" "$complaints"; then
        refuse "pip reaches no package index that has what is needed; connect to a network, or name an index in" \
            "PIP_INDEX_URL or a folder of wheels in PIP_FIND_LINKS"
    fi
    refuse "pip cannot install '$source': see above"
}

unreachable='No matching distribution|ConnectionError|NewConnectionError|NameResolutionError|Could not fetch URL'
unreachable="$unreachable|Max retries exceeded|ReadTimeout|Connection refused|Network is unreachable"

pip() { "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@" 2>"$complaints"; }

# -- words and paths ------------------------------------------------------------------------------------

users_folder() {
    if [ -n "${XDG_CONFIG_HOME-}" ]; then
        printf '%s\n' "$XDG_CONFIG_HOME"
    elif [ "$(uname)" = Darwin ]; then
        printf '%s\n' "$HOME/Library/Application Support"
    else
        printf '%s\n' "$HOME/.config"
    fi
}

absolute() {
    case $1 in
        /*) printf '%s\n' "$1" ;;
        *) printf '%s\n' "$(pwd)/$1" ;;
    esac
}

quoted() { printf "'%s'\n" "$(printf '%s\n' "$1" | sed "s/'/'\\\\''/g")"; }

say() { printf 'install: %s\n' "$*"; }

refuse() {
    printf 'install: %s\n' "$*" >&2
    exit 2
}

main "$@"
