//! Follows a document: its ```` ```sh ```` blocks are run as they stand there,
//! one after the other, as a reader pastes them into a terminal.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use crate::harness::{eventually, stderr};

pub(crate) struct Walk {
    folder: PathBuf,
    left: RefCell<VecDeque<Block>>,
}

struct Block {
    /// The title it stands under.
    chapter: String,
    script: String,
}

/// What a terminal is: settings outlive a block. One that fails ends it.
const TERMINAL: &str = "set -aeu; [ ! -e .settings ] || . ./.settings
trap 'export -p >.settings' EXIT
";

impl Walk {
    /// Blocks run in `folder`, with the programs in its `bin` before all others,
    /// and with curl's settings from there.
    pub(crate) fn new(folder: PathBuf, document: &str) -> Walk {
        Walk { folder, left: RefCell::new(blocks(document)) }
    }

    /// Runs the next block, which must be of that chapter and succeed; returns
    /// its stdout.
    pub(crate) fn follow(&self, chapter: &str) -> String {
        let script = self.next(chapter);
        let out = self.run(&script);
        assert!(out.status.success(), "{script}{}{}", stdout(&out), stderr(&out));
        stdout(&out)
    }

    /// The same, but it may need some attempts.
    pub(crate) fn follow_soon(&self, chapter: &str) -> String {
        let script = self.next(chapter);
        eventually(chapter, 90, || match self.run(&script) {
            out if out.status.success() => Ok(stdout(&out)),
            out => Err(format!("{script}{}{}", stdout(&out), stderr(&out))),
        })
    }

    /// Runs the next block, which must be of that chapter and fail; returns its
    /// stderr.
    pub(crate) fn refused(&self, chapter: &str) -> String {
        let script = self.next(chapter);
        let out = self.run(&script);
        assert!(!out.status.success(), "this was not refused: {script}{}", stdout(&out));
        stderr(&out)
    }

    /// Nothing of the document may be left.
    pub(crate) fn end(&self) {
        let left = self.left.borrow();
        assert!(left.is_empty(), "never run: {}", left[0].script);
    }

    fn next(&self, chapter: &str) -> String {
        let block = self.left.borrow_mut().pop_front().expect("the document ends here");
        assert_eq!(block.chapter, chapter, "{}", block.script);
        block.script
    }

    fn run(&self, script: &str) -> Output {
        let path = std::env::var("PATH").unwrap_or_default();
        Command::new("bash")
            .args(["-c", &(TERMINAL.to_owned() + script)])
            .current_dir(&self.folder)
            .env("PATH", format!("{}:{path}", self.folder.join("bin").display()))
            .env("CURL_HOME", &self.folder)
            .env("KUBECONFIG", self.folder.join("kubeconfig"))
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }
}

fn blocks(document: &str) -> VecDeque<Block> {
    let (mut found, mut chapter, mut script) = (VecDeque::new(), String::new(), None);
    for line in document.lines() {
        match (&mut script, line) {
            (None, "```sh") => script = Some(String::new()),
            (None, _) => {
                if let Some(title) = line.strip_prefix("## ") {
                    chapter = title.trim_start_matches(|c: char| !c.is_alphabetic()).to_owned();
                }
            }
            (Some(_), "```") => {
                let script = script.take().unwrap();
                found.push_back(Block { chapter: chapter.clone(), script });
            }
            (Some(script), _) => *script += &format!("{line}\n"),
        }
    }
    found
}

fn stdout(out: &Output) -> String {
    String::from_utf8_lossy(&out.stdout).into_owned()
}
