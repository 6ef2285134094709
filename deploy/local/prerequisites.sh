#!/bin/sh
# Checks that programs are installed, before there is any Python to ask. Arguments: which of python java mvn npm apt go.
# Exit code 2 and one line on standard error where something is missing or too old; nothing is printed otherwise.
set -u
missing=""

report() {
    missing="${missing:+$missing; }$1 (Debian: apt-get install $2)"
}

java_major() {
    # 17.0.15 is 17; releases up to 8 call themselves 1.8.0.
    java -version 2>&1 | sed -n 's/.* version "\([0-9][0-9]*\).*/\1/p' | head -n 1
}

for tool in "$@"; do
    case "$tool" in
    python)
        # Debian packs venv apart from Python; without ensurepip an environment can't be made.
        "${PYTHON:-python3.11}" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info[:2] != (3, 11))' \
            >/dev/null 2>&1 || report "Python 3.11 with venv" "python3.11 python3.11-venv"
        ;;
    java)
        if command -v java >/dev/null 2>&1; then
            major=$(java_major)
            [ "${major:-0}" -ge 17 ] || report "Java 17 or newer, found ${major:-one that does not run}" "openjdk-17-jre-headless"
        else
            report "Java 17 (java)" "openjdk-17-jre-headless"
        fi
        ;;
    mvn) command -v mvn >/dev/null 2>&1 || report "Maven (mvn)" "maven" ;;
    apt)
        command -v apt-get >/dev/null 2>&1 && command -v dpkg-deb >/dev/null 2>&1 || report "Debian's apt-get and dpkg-deb" "apt dpkg"
        ;;
    go) command -v go >/dev/null 2>&1 || report "Go 1.24 or newer (go)" "golang" ;;
    npm) command -v npm >/dev/null 2>&1 || report "npm" "npm" ;;
    *)
        echo "prerequisites.sh: unknown tool $tool" >&2
        exit 64
        ;;
    esac
done

if [ -n "$missing" ]; then
    echo "missing: $missing" >&2
    exit 2
fi
