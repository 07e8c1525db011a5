#!/bin/sh
trap 'printf "plantd-state: %s is damaged, it ends early; copy it once more\n" "$0" >&9; exit 70' EXIT
command exec 9>&2 2>/dev/null || : # where there is no standard error, nobody listens
# plantd-state @VERSION@ for @TARGET@. This script, and behind its last line what it unpacks.
#
# The first start unpacks Deno, the program and ZeroMQ into a cache directory of this user, all later
# ones run them from there. PLANTD_STATE_CACHE says where. What goes wrong is one line and code 70: until
# the shell has read all of this, the trap says so, instead of whatever the shell makes of a half.

payload=@PAYLOAD@
payload_at=@PAYLOAD_AT@
program_bytes=@PROGRAM_BYTES@
deno_at=@DENO_AT@
# What a start needs, as path=bytes: after a power cut files may be there that are not whole.
files='@FILES@'
newline='
'

die() {
  printf 'plantd-state: %s\n' "$1" >&2
  exit 70
}

# Looks at a cache directory: why it must not be used in $why, how many files are as they should be
# in $whole. What lies there gets executed, so nobody else may be able to write it, nor what was
# unpacked: that may be from a time when others could. This ls is the only process that an ordinary
# start takes.
inspect() {
  why="$1 is a symbolic link" whole=0
  [ ! -L "$1" ] || return
  why="$1 cannot be entered" unfit=
  paths=$payload
  for file in $files; do paths="$paths $payload/${file%=*}"; done
  # shellcheck disable=SC2086
  listing=$({ cd "$1" && LC_ALL=C LS_BLOCK_SIZE=1 QUOTING_STYLE=literal ls -ldn . $paths; } 2>/dev/null)
  while read -r mode _ owner _ size rest; do
    name=${rest##* }
    case $name in
    . | "$payload")
      at=$1
      if [ "$name" = . ]; then why=; else at=$1/$name; fi
      # shellcheck disable=SC3067
      [ -O "$at" ] || unfit="$at belongs to user $owner"
      case $mode in
      [!d]*) unfit="$at is not a directory" ;;
      ?????w* | ????????w*) unfit="$at can be written by others than its owner" ;;
      esac
      ;;
    *)
      case " $files " in
      *" ${name#"$payload/"}=$size "*) whole=$((whole + 1)) ;;
      esac
      ;;
    esac
  done <<LISTING
$listing
LISTING
  [ ! -L "$1/$payload" ] || unfit="$1/$payload is a symbolic link"
  why=${why:-$unfit}
}

# Makes a directory the cache, or says in $why what is wrong with it.
use() {
  cache=$1 why=
  until [ "$cache" = "${cache%/}" ]; do cache=${cache%/}; done
  case $cache in
  /*) ;;
  *) why="'$1' is not an absolute path" ;;
  esac
  if [ -z "$why" ] && [ ! -e "$cache" ] && [ ! -L "$cache" ]; then
    said=$(umask 077 && LC_ALL=C mkdir -p "$cache" 2>&1) || why="cannot make a directory: ${said#mkdir: }"
  fi
  if [ -z "$why" ]; then inspect "$cache"; fi
  home=$cache/$payload
  [ -z "$why" ]
}

choose() {
  if [ -n "${PLANTD_STATE_CACHE-}" ]; then
    use "$PLANTD_STATE_CACHE" || die "PLANTD_STATE_CACHE: $why"
  elif [ -n "${CACHE_DIRECTORY-}" ]; then
    use "${CACHE_DIRECTORY%%:*}" || die "CACHE_DIRECTORY: $why; set PLANTD_STATE_CACHE to another directory"
  elif [ -n "${XDG_CACHE_HOME-}" ] && use "$XDG_CACHE_HOME/plantd-state"; then
    :
  elif [ -n "${HOME-}" ] && use "$HOME/.cache/plantd-state"; then
    :
  else
    use "${TMPDIR:-/var/tmp}/plantd-state-$(id -u)" ||
      die "nowhere to unpack to: $why; set PLANTD_STATE_CACHE to a directory of your own"
  fi
}

check_machine() {
  machine=$(uname -sm)
  [ "$machine" = '@UNAME@' ] || die "this file is for @UNAME@, this machine is $machine"
}

heed_signals() {
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

# Unpacks into a directory of this process and moves it to its place when it is whole and on disk.
unpack() {
  check_machine
  for tool in tail head sha256sum gzip tar sync mv rm mkdir sleep; do
    command -v "$tool" >/dev/null || die "this host lacks $tool, which unpacking needs"
  done
  case $0 in
  */*) self=$0 ;;
  *) if [ -r "./$0" ]; then self=./$0; else self=$(command -v -- "$0"); fi ;;
  esac
  sum=$(tail -c "+$payload_at" "$self" 2>/dev/null | sha256sum)
  [ "${sum%% *}" = "$payload" ] || die "$self is damaged, its checksum is wrong; copy it once more"

  start_of $$
  tmp=$cache/.tmp.$$.$start
  rm -rf "$tmp" # of an earlier boot, with the same numbers
  said=$(LC_ALL=C mkdir -m 0700 "$tmp" 2>&1) ||
    die "cannot write to $cache: ${said#mkdir: }; set PLANTD_STATE_CACHE to another directory"
  trap 'rm -rf "$tmp"' EXIT
  heed_signals
  if wait_for_another; then return; fi

  said=$( (extract) 2>&1) || case $said in
  *'No space left'* | *'Wrote only'* | *'quota exceeded'*)
    die "no space left in $cache: @UNPACKED_MB@ MB are needed; set PLANTD_STATE_CACHE to another directory"
    ;;
  *) die "cannot unpack into $cache: ${said%%"$newline"*}" ;;
  esac
  try_out
  place
  clear_up
}

# Of starts at the same moment one unpacks, the one with the lowest process id, and the others wait for
# it. Should it take long or fail, they go on: two that unpack do not disturb each other.
wait_for_another() {
  waits=0
  while is_another_unpacking && [ $waits -lt 100 ]; do
    sleep 0.1 2>/dev/null || sleep 1 # POSIX has whole seconds only
    waits=$((waits + 1))
  done
  inspect "$cache"
  [ "$whole" = @FILE_COUNT@ ]
}

is_another_unpacking() {
  for other in "$cache"/.tmp.*; do
    if is_alive "$other" && [ "$pid" -lt $$ ]; then return 0; fi
  done
  return 1
}

# Whether the process that made a directory is still there; its id is in $pid, nothing if the name is
# not of ours.
is_alive() {
  pid=${1##*/.tmp.}
  made=${pid#*.}
  pid=${pid%%.*}
  case $pid in *[!0-9]*) pid= ;; esac
  [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null && start_of "$pid" && [ "$made" = "$start" ]
}

# When a process started, in $start: process ids come back, with this number they are unique until the
# next boot (field 22 of proc_pid_stat(5)).
start_of() {
  start=0
  # shellcheck disable=SC2086
  if read -r stat 2>/dev/null <"/proc/$1/stat"; then
    set -- ${stat##*) }
    start=${20}
  fi
}

extract() {
  export LC_ALL=C
  tail -c "+$payload_at" "$self" 2>/dev/null | head -c "$program_bytes" | gzip -dc | tar -xof - -C "$tmp" &&
    tail -c "+$deno_at" "$self" | gzip -dc | tar -xof - -C "$tmp" package/deno &&
    mkdir "$tmp/bin" && mv "$tmp/package/deno" "$tmp/bin/deno" && rm -r "$tmp/package"
}

refuse_to_run() {
  die "programs must not run from $cache (mounted noexec?); set PLANTD_STATE_CACHE to another directory"
}

# Whether it runs here: says in words what only a look at the system would tell otherwise.
try_out() {
  said=$(start "$tmp" version 2>&1)
  code=$?
  rm -rf "$tmp/.deno"
  case $code in
  0) return ;;
  126) refuse_to_run ;;
  127) die "Deno does not run on this system: it needs glibc, the C library of Debian, RHEL, SUSE and the like" ;;
  esac
  case $said in
  *libstdc++*) die "ZeroMQ does not run on this system: it needs libstdc++.so.6 (Debian: libstdc++6)" ;;
  esac
  die "what was unpacked does not run on this system: ${said%%"$newline"*}"
}

# Another start may do the same at this moment. A directory can only take the place of none; where
# there is one that is not whole, each file takes the place of its like, so that none is ever missing.
place() {
  # shellcheck disable=SC2086
  (cd "$tmp" && sync @SYNCED@ 2>/dev/null) || sync
  if [ -d "$home" ]; then
    for file in $files; do
      file=${file%=*}
      mkdir -p "$home/${file%/*}"
      mv -f "$tmp/$file" "$home/$file"
    done
  else
    mv "$tmp" "$home"
    rm -rf "${home:?}/${tmp##*/}" # mv's place for it when another start was faster
  fi 2>/dev/null
  inspect "$cache"
  [ "$whole" = @FILE_COUNT@ ] || die "$home cannot be mended; remove it"
}

# Other versions that nobody runs, and what processes that are gone have left.
clear_up() {
  for old in "$cache"/.tmp.*; do
    is_alive "$old" || [ -z "$pid" ] || rm -rf "$old"
  done
  for old in "$cache"/*; do
    name=${old##*/}
    case $name in "$payload" | *[!0-9a-f]*) continue ;; esac
    [ ${#name} -ne ${#payload} ] || is_in_use "$old" || rm -rf "$old"
  done
}

# Whether a process runs from there. It reads parts of the program only when it needs them: a service
# that an operator is about to update would lose its API.
is_in_use() {
  for exe in /proc/[0-9]*/exe; do
    # shellcheck disable=SC3013
    if [ "$exe" -ef "$1/bin/deno" ]; then return 0; fi
  done
  return 1
}

# Deno reads .npmrc in HOME, or in the one of passwd(5) where that is empty, and one that is not to its
# liking would stop us.
start() {
  from=$1
  shift
  export PLANTD_STATE_HOME="${HOME-}"
  export HOME="$from" DENO_DIR="$from/.deno" DENO_NO_UPDATE_CHECK=1 PLANTD_STATE_INVOKED_AS="$0"
  exec "$from/bin/deno" @RUN_FLAGS@ "$from/@BUNDLE@" "$@"
}

# In braces, so that a half of it is never run.
{
  trap - EXIT
  command exec 2>&9 9>&- || :
  # A host with the loader that Deno asks for is of the right kind; asking uname takes another process.
  [ -e @LOADER@ ] || check_machine
  choose
  if [ "$whole" != @FILE_COUNT@ ]; then
    # The first process of a container has no signal that it does not ask for, and others would leave
    # one at work that nobody knows of.
    heed_signals
    (unpack) || exit
    trap - HUP INT TERM
  fi
  [ -x "$home/bin/deno" ] || refuse_to_run
  # What else keeps the system from it, the shell says by itself; only its code would be another.
  trap 'exit 70' EXIT
  # shellcheck disable=SC3044
  [ -z "${BASH_VERSION-}" ] || shopt -s execfail
  start "$home" "$@"
  exit 70
}
