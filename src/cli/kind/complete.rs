//! The answers that completion scripts made by kind ask for: cobra's hidden
//! command `__complete`.

use std::ffi::OsString;

use crate::cli::output::print_stdout;
use crate::diagnose::Failure;

/// cobra's ShellCompDirectiveNoFileComp and ShellCompDirectiveDefault.
const NO_FILES: u8 = 4;
const FILES: u8 = 0;

/// A command line as far as it is typed; the last word may be unfinished.
#[derive(clap::Args)]
pub(crate) struct Words {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<OsString>,
}

impl Words {
    pub(crate) fn run(&self, mut root: clap::Command, descriptions: bool) -> Result<(), Failure> {
        let words: Vec<_> = self.words.iter().map(|word| word.to_string_lossy()).collect();
        let (last, before) = match words.split_last() {
            Some((last, before)) => (last.as_ref(), before),
            None => ("", &[][..]),
        };
        root.build();
        let mut command = &root;
        for word in before {
            command = command.find_subcommand(word.as_ref()).unwrap_or(command);
        }
        let found: Vec<(String, String)> = if last.starts_with('-') {
            let flags = command.get_arguments().filter(|arg| !arg.is_hide_set());
            let named =
                flags.filter_map(|arg| Some((format!("--{}", arg.get_long()?), arg.get_help())));
            named
                .map(|(name, help)| (name, help.map(ToString::to_string).unwrap_or_default()))
                .collect()
        } else {
            let below = command.get_subcommands().filter(|command| !command.is_hide_set());
            let about =
                |c: &clap::Command| c.get_about().map(ToString::to_string).unwrap_or_default();
            below.map(|command| (command.get_name().to_owned(), about(command))).collect()
        };
        let directive =
            if command.has_subcommands() || last.starts_with('-') { NO_FILES } else { FILES };
        for (name, about) in found.iter().filter(|(name, _)| name.starts_with(last)) {
            match descriptions && !about.is_empty() {
                true => {
                    print_stdout(format!("{name}\t{}", about.lines().next().unwrap_or_default()))?
                }
                false => print_stdout(name)?,
            }
        }
        print_stdout(format!(":{directive}"))
    }
}
