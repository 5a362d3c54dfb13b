//! The manners of kind's command line, which is built on cobra and pflag:
//! where flags may stand, what they accept, how a mistake is worded.

use std::ffi::OsString;

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
pub(crate) fn adapt_flags(command: Command) -> Command {
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
    command.args_override_self(true).mut_args(switch).mut_subcommands(adapt_flags)
}

/// Arguments in the order that clap reads, and the commands they name.
pub(crate) struct Line {
    /// The program's name, the commands, then everything else.
    pub args: Vec<OsString>,
    pub path: Vec<String>,
}

/// Finds the commands among the flags: `--name lab get nodes` is `get nodes`.
pub(crate) fn reorder(root: &Command, args: Vec<OsString>) -> Line {
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
pub(crate) fn is_quiet(root: &Command, args: &[OsString]) -> bool {
    let mut quiet = false;
    let mut args = args.iter().skip(1).map(|arg| arg.to_string_lossy());
    while let Some(word) = args.next().filter(|word| word != "--") {
        quiet = asks_for_quiet(root, &word).unwrap_or(quiet);
        if takes_next(root, &word) {
            args.next();
        }
    }
    quiet
}

/// Whether the last value of a long flag is this one, whatever is wrong with the other
/// arguments.
pub(crate) fn has_value(root: &Command, args: &[OsString], flag: &str, wanted: &str) -> bool {
    let mut last = None;
    let mut args = args.iter().skip(1).map(|arg| arg.to_string_lossy());
    while let Some(word) = args.next().filter(|word| word != "--") {
        let next = takes_next(root, &word).then(|| args.next()).flatten();
        let value = match word.split_once('=') {
            Some((name, value)) if name == flag => Some(value.to_owned()),
            _ => next.filter(|_| word == flag).map(|value| value.into_owned()),
        };
        last = value.or(last);
    }
    last.is_some_and(|last| last == wanted)
}

/// What an argument says of quiet, if anything: `--quiet`, `-q=false`, `-qv7`.
fn asks_for_quiet(root: &Command, word: &str) -> Option<bool> {
    let (flag, value) = match word.split_once('=') {
        Some((flag, value)) => (flag, boolean(value).ok()),
        None => (word, Some(true)),
    };
    if flag.starts_with("--") {
        return value.filter(|_| flag == "--quiet");
    }
    let switch = |letter: &char| {
        let known = find(root, &|arg| arg.get_short() == Some(*letter));
        !known.is_some_and(takes_value)
    };
    let switches = flag.strip_prefix('-')?.chars().take_while(switch);
    value.filter(|_| switches.into_iter().any(|letter| letter == 'q'))
}

/// What is wrong with a command line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// A command that only groups others: its help, then this is the error.
    SubcommandRequired,
    Other(String),
}

/// Words what clap found. `command` is the one that the line names.
pub(crate) fn mistake(error: &clap::Error, line: &Line, command: &Command) -> Mistake {
    let text = |kind| text(error, kind);
    let flag = text(ContextKind::InvalidArg);
    let name = flag.split([' ', '=', '[']).next().unwrap_or_default();
    let full_name = command.get_bin_name().unwrap_or(command.get_name());
    // Groups take whatever follows for a lack of a subcommand, but for `load`.
    let is_lenient = !line.path.is_empty() && line.path != ["load"];
    Mistake::Other(match error.kind() {
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            return Mistake::SubcommandRequired;
        }
        ErrorKind::InvalidSubcommand if is_lenient => return Mistake::SubcommandRequired,
        ErrorKind::InvalidSubcommand => {
            let word = text(ContextKind::InvalidSubcommand);
            with_near(unknown_command(word, full_name), near_command(error, command))
        }
        ErrorKind::UnknownArgument if name.starts_with("--") => {
            with_near(format!("unknown flag: {name}"), text(ContextKind::SuggestedArg))
        }
        ErrorKind::UnknownArgument if name.starts_with('-') => {
            let letter = name.trim_start_matches('-');
            format!("unknown shorthand flag: '{letter}' in {}", holder(letter, &line.args))
        }
        ErrorKind::UnknownArgument => match command.get_positionals().count() {
            0 => format!("unknown command {flag:?} for {full_name:?}"),
            most => format!("accepts at most {most} arg(s), received {}", words(line, command)),
        },
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            invalid_value(error, line, command, name)
        }
        _ => {
            let text = error.render().to_string();
            text.strip_prefix("error: ").unwrap_or(&text).trim_end().to_owned()
        }
    })
}

/// That there is no such command in the program or command of this name.
pub(crate) fn unknown_command(word: &str, full_name: &str) -> String {
    format!("unknown command {word:?} for {full_name:?}")
}

fn text(error: &clap::Error, kind: ContextKind) -> &str {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text,
        Some(ContextValue::Strings(texts)) => texts.first().map_or("", String::as_str),
        _ => "",
    }
}

/// The command that a mistyped one resembles most, which clap names last.
fn near_command<'a>(error: &'a clap::Error, command: &Command) -> &'a str {
    let is_shown = |name: &str| command.find_subcommand(name).is_some_and(|c| !c.is_hide_set());
    match error.get(ContextKind::SuggestedSubcommand) {
        Some(ContextValue::String(name)) if is_shown(name) => name,
        Some(ContextValue::Strings(names)) => {
            names.iter().rev().find(|name| is_shown(name)).map_or("", String::as_str)
        }
        _ => "",
    }
}

fn with_near(text: String, near: &str) -> String {
    match near {
        "" => text,
        near => format!("{text}\n\nDid you mean this?\n\t{near}\n"),
    }
}

/// The argument that holds a one-letter flag.
fn holder(letter: &str, args: &[OsString]) -> String {
    let holds =
        |arg: &String| arg.starts_with('-') && !arg.starts_with("--") && arg.contains(letter);
    let mut args = args.iter().map(|arg| arg.to_string_lossy().into_owned());
    args.find(holds).unwrap_or_else(|| format!("-{letter}"))
}

fn invalid_value(error: &clap::Error, line: &Line, command: &Command, name: &str) -> String {
    let value = text(error, ContextKind::InvalidValue);
    let is_flag =
        |arg: &Arg| arg.get_long().is_some_and(|long| Some(long) == name.strip_prefix("--"));
    let short = find(command, &is_flag).and_then(Arg::get_short);
    if error.kind() == ErrorKind::InvalidValue && value.is_empty() {
        let last = line.args.last().map(|arg| arg.to_string_lossy()).unwrap_or_default();
        return match short.filter(|short| !last.starts_with("--") && last.ends_with(*short)) {
            Some(short) => format!("flag needs an argument: '{short}' in {last}"),
            None => format!("flag needs an argument: {name}"),
        };
    }
    let flag = match short {
        Some(short) => format!("-{short}, {name}"),
        None => name.to_owned(),
    };
    let why = std::error::Error::source(error).map(ToString::to_string);
    let choices = || match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(choices)) => format!("must be {}", choices.join(" or ")),
        _ => String::new(),
    };
    let why = why.unwrap_or_else(choices);
    format!("invalid argument {value:?} for {flag:?} flag: {why}")
}

/// How many arguments are neither flags nor their values.
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
