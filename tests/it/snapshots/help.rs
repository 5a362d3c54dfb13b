//! The help of every command, called `skiff` and called `kind`.

use std::path::Path;
use std::process::Command;

use crate::program::{SKIFF, command, kind_folder, text};
use crate::support::golden;

/// The help of a command and of all commands below it.
fn help(program: &mut dyn FnMut() -> Command, path: &[&str], all: &mut String) {
    let out = program().args(path).arg("--help").output().unwrap();
    assert_eq!((out.status.code(), text(&out.stderr).as_str()), (Some(0), ""), "{path:?}");
    let printed = text(&out.stdout);
    *all += &format!("==> {} --help\n{printed}\n", path.join(" "));
    let commands = printed.lines().skip_while(|line| *line != "Commands:").skip(1);
    for line in commands.take_while(|line| !line.is_empty()) {
        // Further lines of a description are indented more.
        if line.starts_with("  ") && !line.starts_with("   ") {
            let name = line.split_whitespace().next().unwrap();
            help(program, &[path, &[name]].concat(), all);
        }
    }
}

#[test]
fn help_of_every_command() {
    let mut goldens = golden::Directory::new("help");
    let kind = kind_folder();
    for (name, program) in [("skiff", Path::new(SKIFF)), ("kind", &kind.path().join("kind"))] {
        let mut all = String::new();
        help(&mut || command(program), &[], &mut all);
        assert!(all.contains("==> create cluster --help"), "{all}");
        goldens.check(&format!("{name}.txt"), &all);
    }
    goldens.finish();
}
