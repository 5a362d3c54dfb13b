//! The shell code of the builder, in bash on this machine.

use std::path::Path;
use std::process::{Command, Output};

use crate::layers::imports::files_that;

const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/builder/shared");

/// Reads `parts.sh`, in which a part is made with what the file `archive` has, if it
/// is there. Each time a part is made, a line is added to the file `made`.
const HARNESS: &str = r#"
set -o errexit -o nounset -o pipefail
shopt -s inherit_errexit
say() { echo "$*" >&2; }
warn() { say "warning: $*"; }
state() { cat "$PLACE/archive" 2>/dev/null; }
export ARCH=amd64 CACHE=$PLACE WORK=$PLACE REFRESH=${REFRESH:-}
export -f say warn state
. "$SHARED/parts.sh"
mkdir -p "$CACHE/parts"
cat >"$PLACE/script" <<'END'
set -o errexit
made_with state
echo "$1 $2" >>"$PLACE/made"
END
"#;

fn bash(place: &Path, refresh: bool, commands: &str) -> Output {
    let mut command = Command::new("bash");
    command.args(["-c", &format!("{HARNESS}\n{commands}")]);
    command.env("PLACE", place).env("SHARED", SHARED).env_remove("REFRESH");
    if refresh {
        command.env("REFRESH", "1");
    }
    command.output().unwrap()
}

/// How many times parts have been made.
fn made(place: &Path) -> usize {
    std::fs::read_to_string(place.join("made")).unwrap_or_default().lines().count()
}

#[test]
fn a_part_is_made_again_when_the_archive_has_changed() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let part = r#"part base "$PLACE/script" input; cat "$(built base)/state" >/dev/null"#;
    let aged = format!("touch -d '8 days ago' \"$PLACE\"/parts/*/state; {part}");
    let archive = |text: &str| std::fs::write(place.join("archive"), text).unwrap();
    // Text of the archive, asked to refresh, commands, how many times it is made then.
    for (text, refresh, commands, expected) in [
        ("monday", false, part, 1),
        ("monday", false, part, 1),
        ("monday", true, part, 1),
        ("tuesday", false, part, 1),
        ("tuesday", true, part, 2),
        ("tuesday", false, &aged, 2),
        ("wednesday", false, part, 2),
        ("wednesday", false, &aged, 3),
    ] {
        archive(text);
        let out = bash(place, refresh, commands);
        let errors = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{text}: {errors}");
        assert_eq!(made(place), expected, "{text}, refresh {refresh}: {errors}");
    }
}

#[test]
fn a_part_outlives_an_archive_that_does_not_answer_unless_it_must_be_new() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let part = r#"part base "$PLACE/script" input; echo "after: $(built base)""#;
    let aged = format!("touch -d '8 days ago' \"$PLACE\"/parts/*/state; {part}");
    std::fs::write(place.join("archive"), "monday").unwrap();
    assert!(bash(place, false, part).status.success());
    std::fs::remove_file(place.join("archive")).unwrap();

    let kept = bash(place, false, &aged);
    assert!(kept.status.success());
    let warning = String::from_utf8_lossy(&kept.stderr).into_owned();
    assert!(warning.contains("warning: Debian's archive does not answer"), "{warning}");

    let refused = bash(place, true, part);
    assert!(!refused.status.success());
    assert!(!String::from_utf8_lossy(&refused.stdout).contains("after"));
    assert_eq!(made(place), 1);
}

#[test]
fn a_part_depends_on_its_inputs() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    std::fs::write(place.join("archive"), "monday").unwrap();
    std::fs::write(place.join("file"), "one").unwrap();
    let part = |input: &str| {
        let out = bash(place, false, &format!("part base \"$PLACE/script\" {input}"));
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        made(place)
    };
    assert_eq!([part("one"), part("two"), part("one")], [1, 2, 2]);
    assert_eq!(part("\"$PLACE/file\""), 3);
    std::fs::write(place.join("file"), "two").unwrap();
    assert_eq!(part("\"$PLACE/file\""), 4);
}

/// An index past its date is taken, but the user is told, and the check stays on for
/// the others.
#[test]
fn only_the_check_of_an_index_past_its_date_is_off() {
    let index = r#"
. "$SHARED/archive.sh"
retry() { "$@"; }
MIRROR=http://m/debian SECURITY=http://m/debian-security
index() {
  case $1 in
  late) valid='Valid-Until: Fri, 06 Nov 2020 08:08:01 UTC' ;;
  trixie) valid= ;;
  *) valid='Valid-Until: Fri, 06 Nov 2099 08:08:01 UTC' ;;
  esac
  printf 'Suite: %s\n%s\nDate: Tue, 24 Nov 2020 02:12:15 UTC\nSHA256:\nValid-Until: never\n' "$1" "$valid" >"$2"
}
source_lines trixie trixie-security late
indexes trixie late"#;
    let place = tempfile::tempdir().unwrap();
    let out = bash(place.path(), false, index);
    let (stdout, stderr) =
        (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(
        lines[..3],
        [
            "deb http://m/debian trixie main",
            "deb http://m/debian-security trixie-security main",
            "deb [check-valid-until=no] http://m/debian late main",
        ],
        "{stderr}"
    );
    assert!(lines[3].starts_with("trixie sha256:"), "{stdout}");
    assert!(lines[4].ends_with(" 2020-11-24T02:12:15Z"), "{stdout}");
    assert_eq!(stderr.matches("warning: Debian's index of late was valid until").count(), 1);
    assert_eq!(stderr.matches("warning: ").count(), 1, "{stderr}");
}

/// skiff takes for granted that it can read what is part of it.
#[test]
fn every_recipe_says_how_its_image_is_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let recipes: Vec<_> = ["node-image", "configs"]
        .iter()
        .flat_map(|directory| files_that(&root.join(directory), |path| path.ends_with("build.sh")))
        .collect();
    assert!(recipes.len() >= 3, "{recipes:?}");
    for recipe in recipes {
        let path = recipe.with_file_name("config.json");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
        let config: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path:?}: {e}"));
        assert!(config["Entrypoint"].is_array(), "{path:?}");
    }
}
