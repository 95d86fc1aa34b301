#!/bin/sh
# Installs jeton from its source tree, and takes it away again; both may be done twice.
#
#   packaging/install.sh [--root DIR] [--binary FILE] [--uninstall]
#
# What goes where is in packaging/manifest. With --root the files go below DIR and nothing is started: for packages and
# images. Settings that were edited and the data in /var/lib/jeton stay whatever happens.
set -eu
umask 022

usage() {
  echo "usage: packaging/install.sh [--root DIR] [--binary FILE] [--uninstall]" >&2
  exit 2
}

top=$(cd "$(dirname "$0")/.." && pwd)
root=
binary=$top/target/release/jeton
uninstall=
while [ $# -gt 0 ]; do
  case $1 in
    --root) [ $# -gt 1 ] || usage; root=${2%/}; shift 2 ;;
    --binary) [ $# -gt 1 ] || usage; binary=$2; shift 2 ;;
    --uninstall) uninstall=1; shift ;;
    *) usage ;;
  esac
done

each() { # each ACTION: calls it with source, target and mode
  grep -v -e '^#' -e '^$' "$top/packaging/manifest" | while read -r source target mode; do
    "$1" "$source" "$root$target" "$mode"
  done
}

# Replaced by a rename: a binary that runs isn't written to, and nobody sees half a file.
put() {
  case $2 in "$root"/etc/*) [ ! -e "$2" ] || return 0 ;; esac
  if [ "$1" = jeton:man ]; then
    pages=$(mktemp -d)
    "$binary" man "$pages"
    mkdir -p "$2"
    chmod "$3" "$pages"/*
    mv -f "$pages"/* "$2"
    rmdir "$pages"
    return 0
  fi
  mkdir -p "$(dirname "$2")"
  case $1 in
    '*') cp "$binary" "$2.new" ;;
    jeton:*) "$binary" $(echo "${1#jeton:}" | tr : ' ') >"$2.new" ;;
    *) cp "$top/$1" "$2.new" ;;
  esac
  chmod "$3" "$2.new"
  mv "$2.new" "$2"
}

take() {
  case $2 in "$root"/etc/*) cmp -s "$top/$1" "$2" || return 0 ;; esac
  if [ "$1" = jeton:man ]; then
    rm -f "$2"/jeton.1 "$2"/jeton-*.1
    return 0
  fi
  rm -f "$2"
  # Those that held nothing else; usr and etc are the system's.
  directory=$(dirname "$2")
  case $directory in */jeton) rmdir "$directory" 2>/dev/null || : ;; esac
}

live() { [ -z "$root" ] && [ -d /run/systemd/system ]; }

if [ -n "$uninstall" ]; then
  if live; then systemctl disable --now jeton-litestream.service jeton.socket jeton.service || :; fi
  each take
  if live; then systemctl daemon-reload; fi
  [ ! -e "$root/var/lib/jeton" ] || echo "The data stays in $root/var/lib/jeton, and so does its owner, the user jeton."
  exit 0
fi

if [ ! -x "$binary" ]; then
  echo "install.sh: there is no $binary: run packaging/build first, or name one with --binary" >&2
  exit 1
fi
each put
[ -z "$root" ] || exit 0
if command -v systemd-sysusers >/dev/null; then
  systemd-sysusers jeton.conf
elif ! getent passwd jeton >/dev/null; then
  useradd --system --user-group --home-dir /var/lib/jeton --shell /usr/sbin/nologin jeton
fi
if live; then
  systemctl daemon-reload
  systemctl enable --now jeton.socket
  systemctl enable jeton.service
  systemctl restart jeton.service
fi
