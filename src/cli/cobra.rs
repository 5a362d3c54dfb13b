//! The manners of kind's command line, which is built on cobra and pflag:
//! where flags may stand, what they accept, how a mistake is worded.

use std::ffi::{OsStr, OsString};

use clap::builder::ValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};

/// `true`, `1`, `F` and the like (Go, `strconv.ParseBool`).
fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("{text:?} is neither true nor false")),
    }
}

/// Lets switches take a value (`--retain=false`) and flags be repeated, in a
/// command and all below it; the last one counts.
pub fn adapt(command: Command) -> Command {
    let switch = |arg: Arg| match arg.get_action() {
        ArgAction::SetTrue => arg
            .action(ArgAction::Set)
            .num_args(0..=1)
            .require_equals(true)
            .default_value("false")
            .default_missing_value("true")
            .hide_default_value(true)
            .hide_possible_values(true)
            .value_parser(ValueParser::new(boolean)),
        _ => arg,
    };
    command.args_override_self(true).mut_args(switch).mut_subcommands(adapt)
}

/// Arguments in the order that clap reads, and the commands they name.
pub struct Line {
    /// The program's name, the commands, then everything else.
    pub args: Vec<OsString>,
    pub path: Vec<String>,
}

/// Finds the commands among the flags: `--name lab get nodes` is `get nodes`.
pub fn arrange(root: &Command, args: Vec<OsString>) -> Line {
    let mut args = args.into_iter();
    let program = args.next().unwrap_or_default();
    let (mut command, mut path, mut rest) = (root, Vec::new(), Vec::new());
    while command.has_subcommands() {
        let Some(arg) = args.next() else { break };
        let word = arg.to_string_lossy().into_owned();
        if word == "--" {
            rest.push(arg);
            break;
        }
        if word.starts_with('-') && word.len() > 1 {
            rest.push(arg);
            if takes_next(root, &word) {
                rest.extend(args.next());
            }
            continue;
        }
        match command.find_subcommand(&word) {
            Some(found) => {
                path.push(word);
                command = found;
            }
            None => {
                rest.push(arg);
                break;
            }
        }
    }
    let words = path.iter().map(OsString::from);
    let args = std::iter::once(program).chain(words).chain(rest).chain(args).collect();
    Line { args, path }
}

/// Whether the value of this flag is the next argument. A flag means the same
/// in every command that has it.
fn takes_next(root: &Command, word: &str) -> bool {
    if let Some(long) = word.strip_prefix("--") {
        let flag = (!long.contains('=')).then(|| find(root, &|arg| arg.get_long() == Some(long)));
        return flag.flatten().is_some_and(takes_value);
    }
    // In a cluster such as -qn the first flag with a value has what follows it.
    let mut letters = word.chars().skip(1);
    while let Some(letter) = letters.next() {
        match find(root, &|arg| arg.get_short() == Some(letter)) {
            Some(arg) if takes_value(arg) => return letters.next().is_none(),
            Some(_) => {}
            None => return false,
        }
    }
    false
}

fn takes_value(arg: &Arg) -> bool {
    arg.get_action().takes_values() && !arg.is_require_equals_set()
}

fn find<'a>(command: &'a Command, wanted: &dyn Fn(&Arg) -> bool) -> Option<&'a Arg> {
    let own = command.get_arguments().find(|arg| wanted(arg));
    own.or_else(|| command.get_subcommands().find_map(|below| find(below, wanted)))
}

/// Whether nothing at all may be written to stderr, not even what is wrong
/// with the other arguments.
pub fn is_quiet(root: &Command, args: &[OsString]) -> bool {
    let mut quiet = false;
    let mut args = args.iter().skip(1).map(|arg| arg.to_string_lossy());
    while let Some(word) = args.next() {
        if word == "--" {
            break;
        }
        match word.strip_prefix("--") {
            Some("quiet") => quiet = true,
            Some(long) => {
                if let Some(value) = long.strip_prefix("quiet=") {
                    quiet = boolean(value).unwrap_or(quiet);
                }
            }
            None => {
                for letter in word.strip_prefix('-').unwrap_or("").chars() {
                    match find(root, &|arg| arg.get_short() == Some(letter)) {
                        Some(arg) if takes_value(arg) => break,
                        Some(arg) if arg.get_id() == "quiet" => quiet = true,
                        _ => {}
                    }
                }
                if let Some(value) = word.strip_prefix("-q=") {
                    quiet = boolean(value).unwrap_or(quiet);
                }
            }
        }
        if takes_next(root, &word) {
            args.next();
        }
    }
    quiet
}

/// What is wrong with a command line.
#[derive(Debug, PartialEq, Eq)]
pub enum Mistake {
    /// A command that only groups others: its help, then this is the error.
    SubcommandRequired,
    Other(String),
}

/// `whole` is the command's full name, such as `kind create cluster`.
pub fn mistake(error: &clap::Error, whole: &str, line: &Line, command: &Command) -> Mistake {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        Some(ContextValue::Strings(texts)) => texts.first().map(String::as_str),
        _ => None,
    };
    let flag = text(ContextKind::InvalidArg).unwrap_or_default();
    let name = flag.split([' ', '=', '[']).next().unwrap_or_default();
    let value = text(ContextKind::InvalidValue).unwrap_or_default();
    // Groups take whatever follows for a lack of a subcommand, but for `load`.
    let is_group = command.has_subcommands() && !line.path.is_empty();
    Mistake::Other(match error.kind() {
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            return Mistake::SubcommandRequired;
        }
        ErrorKind::InvalidSubcommand if is_group && line.path != ["load"] => {
            return Mistake::SubcommandRequired;
        }
        ErrorKind::InvalidSubcommand => {
            let word = text(ContextKind::InvalidSubcommand).unwrap_or_default();
            let near = text(ContextKind::SuggestedSubcommand);
            unknown(format!("unknown command {word:?} for {whole:?}"), near)
        }
        ErrorKind::UnknownArgument if name.starts_with("--") => {
            unknown(format!("unknown flag: {name}"), text(ContextKind::SuggestedArg))
        }
        ErrorKind::UnknownArgument if name.starts_with('-') => {
            let letter = name.trim_start_matches('-');
            format!("unknown shorthand flag: '{letter}' in {}", cluster_of(letter, &line.args))
        }
        ErrorKind::UnknownArgument | ErrorKind::TooManyValues => {
            match command.get_positionals().count() {
                0 => format!("unknown command {flag:?} for {whole:?}"),
                most => format!("accepts at most {most} arg(s), received {}", words(line, command)),
            }
        }
        ErrorKind::MissingRequiredArgument => required(&line.path, flag),
        ErrorKind::InvalidValue if value.is_empty() => {
            let letter = |last: &OsStr| shorthand(command, last);
            match line.args.last().and_then(|last| letter(last)) {
                Some((letter, cluster)) => {
                    format!("flag needs an argument: '{letter}' in {cluster}")
                }
                None => format!("flag needs an argument: {name}"),
            }
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let flag = match find(command, &|arg| {
                format!("--{}", arg.get_id()) == name
                    || arg.get_long().is_some_and(|long| format!("--{long}") == name)
            })
            .and_then(Arg::get_short)
            {
                Some(short) => format!("-{short}, {name}"),
                None => name.to_owned(),
            };
            let why = std::error::Error::source(error)
                .map_or("invalid syntax".into(), ToString::to_string);
            format!("invalid argument {value:?} for {flag:?} flag: {why}")
        }
        _ => {
            let text = error.render().to_string();
            text.strip_prefix("error: ").unwrap_or(&text).trim_end().to_owned()
        }
    })
}

fn unknown(text: String, near: Option<&str>) -> String {
    match near {
        Some(near) => format!("{text}\n\nDid you mean this?\n\t{near}\n"),
        None => text,
    }
}

fn required(path: &[String], missing: &str) -> String {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match path.as_slice() {
        ["load", "docker-image"] => "a list of image names is required".into(),
        ["load", "image-archive"] => "name of image archive is required".into(),
        _ => format!("{missing} is required"),
    }
}

/// The argument that holds a one-letter flag.
fn cluster_of(letter: &str, args: &[OsString]) -> String {
    let holds = |arg: &&OsString| {
        let arg = arg.to_string_lossy();
        arg.starts_with('-') && !arg.starts_with("--") && arg.contains(letter)
    };
    args.iter().find(holds).map_or(format!("-{letter}"), |arg| arg.to_string_lossy().into_owned())
}

/// A last argument such as `-n`, whose value is missing.
fn shorthand(command: &Command, last: &OsStr) -> Option<(char, String)> {
    let last = last.to_string_lossy();
    let letter = last.chars().last()?;
    let is_cluster = last.starts_with('-') && !last.starts_with("--");
    let known = find(command, &|arg| arg.get_short() == Some(letter)).is_some_and(takes_value);
    (is_cluster && known).then(|| (letter, last.into_owned()))
}

/// How many arguments are no flags and none of their values.
fn words(line: &Line, command: &Command) -> usize {
    let mut count = 0;
    let mut args = line.args.iter().skip(1 + line.path.len()).map(|arg| arg.to_string_lossy());
    while let Some(arg) = args.next() {
        if arg == "--" {
            return count + args.count();
        }
        if !arg.starts_with('-') || arg.len() == 1 {
            count += 1;
        } else if takes_next(command, &arg) {
            args.next();
        }
    }
    count
}
