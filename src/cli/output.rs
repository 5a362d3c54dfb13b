//! What commands print to stdout, which is for what was asked for.

use std::fmt::Display;
use std::io::Write;

use serde::Serialize;

use crate::diagnose::{Failure, Kind};
use crate::report;
use crate::text;

/// Prints one line, or a text of several.
pub(super) fn print_stdout(text: impl Display) -> Result<(), Failure> {
    let written = writeln!(std::io::stdout(), "{text}");
    written.map_err(|e| Failure::new(Kind::Other, format!("cannot write to stdout: {e}")))
}

/// Prints rows in columns that are as wide as their longest cell. Much of a table
/// comes from clusters, so it is made printable.
pub(super) fn print_table<const N: usize>(rows: &[[String; N]]) -> Result<(), Failure> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..N).map(|column| width(column).unwrap_or(0)).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        print_stdout(text::printable(cells.collect::<Vec<_>>().join("   ").trim_end()))?;
    }
    Ok(())
}

/// The flag `--output`.
#[derive(clap::Args)]
pub(super) struct FormatFlag {
    /// The output format: text, or json for programs
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

impl FormatFlag {
    pub(super) fn is_json(&self) -> bool {
        self.output == Some(Format::Json)
    }

    /// Whether the user chose neither.
    pub(super) fn is_open(&self) -> bool {
        self.output.is_none()
    }
}

/// Prints a value as indented JSON.
pub(super) fn print_json<T: Serialize>(value: &T) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value);
    print_stdout(text.map_err(|error| Failure::new(Kind::Other, error))?)
}

/// The values of the flag `--progress`. Without descriptions, which would make the help of
/// every command a page longer.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum ProgressFormat {
    Auto,
    Plain,
    Json,
}

impl ProgressFormat {
    pub(super) fn get(self) -> report::Format {
        match self {
            ProgressFormat::Auto => report::Format::Auto,
            ProgressFormat::Plain => report::Format::Plain,
            ProgressFormat::Json => report::Format::Json,
        }
    }
}
