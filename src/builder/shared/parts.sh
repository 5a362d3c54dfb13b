# Parts: what is made once for its inputs, and kept in the cache.
# shellcheck shell=bash

# part NAME SCRIPT INPUT...: runs SCRIPT NAME INPUT... with OUT set to a new
# directory, unless the cache has the outcome for these inputs: files, directories
# and plain words.
part() {
  local name=$1 script=$2 digest input start=$SECONDS
  shift 2
  digest=$({ echo "$ARCH $name"; cat "$script"; for input in "$@"; do
    if [ -d "$input" ]; then (cd "$input" && find . -type f | sort | xargs sha256sum)
    elif [ -f "$input" ]; then cat "$input"
    else echo "$input"; fi
  done; } | sha256sum | cut -c1-16)
  export OUT="$CACHE/parts/$name-$digest"
  if [ ! -d "$OUT" ] || outdated "$name"; then
    say "$name: building"
    rm -rf "$OUT.new"
    mkdir -p "$OUT.new"
    OUT="$OUT.new" bash "$script" "$name" "$@"
    rm -rf "$OUT" # not before there is another
    mv "$OUT.new" "$OUT"
    say "$name: $((SECONDS - start)) s"
  fi
  printf '%s' "$OUT" >"$WORK/part-$name"
}

# built NAME: the directory with a part's outcome.
built() { cat "$WORK/part-$1"; }

# made_with COMMAND...: notes in OUT what a part is made of besides its inputs. The
# part is outdated when COMMAND prints something else.
made_with() {
  local state
  state=$("$@")
  echo "$*" >"$OUT/made-with"
  echo "$state" >"$OUT/state"
}

# outdated NAME: whether the part in OUT would have newer packages if it were made
# now. The archive is asked with REFRESH, and when the part was last looked at a
# week ago, which is as long as Debian calls an index of updates valid.
outdated() {
  local state command
  [ -e "$OUT/made-with" ] || return 1
  [ -n "$REFRESH" ] || [ -z "$(find "$OUT/state" -mtime -7)" ] || return 1
  read -ra command <"$OUT/made-with"
  if ! state=$("${command[@]}"); then
    [ -z "$REFRESH" ] || { say "Debian's archive does not answer"; exit 1; }
    warn "Debian's archive does not answer; $1 stays as it was made"
    return 1
  fi
  if [ "$state" = "$(cat "$OUT/state")" ]; then
    touch "$OUT/state"
    return 1
  fi
  say "$1: Debian's archive has changed"
}
# date_of DIRECTORY: of a part of Debian packages: that of the newest index, in
# seconds.
date_of() { date +%s -d "$(cut -d' ' -f3 "$1/state" | sort | tail -n 1)"; }

# dated PART: the image has the date of the part's packages.
dated() {
  SOURCE_DATE_EPOCH=$(date_of "$(built "$1")")
  export SOURCE_DATE_EPOCH
}
export -f built made_with date_of
