//! Host paths as people write them: with `~` and variables.
//!
//! kind passes a path on as it is written, so that a directory called `~` or
//! `$HOME` appears where the command runs. Nobody means that. What a shell, or
//! Docker Compose, would make of the path is what is meant, and one definition
//! then fits the machines of several people.

use std::path::{Path, PathBuf};

/// What a definition's host paths may refer to.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The value of a variable, unless it is not set or empty.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// The user's home directory, if it is known.
    pub home: Option<&'a str>,
    /// Whether there is a file or directory of this path.
    pub exists: &'a dyn Fn(&Path) -> bool,
}

impl Surroundings<'_> {
    /// No variables, no home directory and no files.
    pub(crate) const NONE: Surroundings<'static> =
        Surroundings { variable: &|_| None, home: None, exists: &|_| false };
}

/// Replaces a leading `~` by the home directory, and `$NAME` and `${NAME}` by
/// the values of variables. A path with `$` that exists as written is left
/// alone; a directory called `~` can be written as `./~`.
///
/// # Errors
/// Returns a sentence that says what cannot be replaced and what to write.
pub(super) fn resolve(written: &str, surroundings: &Surroundings) -> Result<PathBuf, String> {
    if written.contains('$') && (surroundings.exists)(Path::new(written)) {
        return Ok(written.into());
    }
    let Some(rest) = written.strip_prefix('~') else {
        return Ok(variables(written, surroundings)?.into());
    };
    if !rest.is_empty() && !rest.starts_with(std::path::is_separator) {
        let user = written.split(std::path::is_separator).next().unwrap_or_default();
        return Err(format!(
            "{user} is not replaced; write the path of the directory, or ./{user} if that is its name"
        ));
    }
    let home = surroundings.home.ok_or(
        "~ is the home directory, but HOME is not set; write the path of the directory, or ./~ if that is its name",
    )?;
    Ok((home.to_owned() + &variables(rest, surroundings)?).into())
}

fn variables(written: &str, surroundings: &Surroundings) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = written;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let (name, after) = variable(after)?;
        match name {
            // Like a shell: a `$` before anything else is a character of the name.
            None => out.push('$'),
            Some(name) => out.push_str(&(surroundings.variable)(name).ok_or_else(|| {
                format!(
                    "the variable {name} is not set; set it, or write the path itself (one with $ must exist)"
                )
            })?),
        }
        rest = after;
    }
    Ok(out + rest)
}

/// The variable's name at the beginning of the text after a `$`, if any, and
/// what follows.
fn variable(text: &str) -> Result<(Option<&str>, &str), String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if let Some(inner) = text.strip_prefix('{') {
        let (name, after) = inner.split_once('}').unwrap_or((inner, ""));
        let valid = name.starts_with(|c: char| is_name(c) && !c.is_ascii_digit())
            && name.chars().all(is_name)
            && inner.contains('}');
        return match valid {
            true => Ok((Some(name), after)),
            false => Err(format!(
                "${text} is not replaced; write a variable as $NAME or ${{NAME}}, or the path itself"
            )),
        };
    }
    if text.starts_with('(') {
        return Err("$(…) is not run; write the path itself".to_owned());
    }
    let end = text.find(|c| !is_name(c)).unwrap_or(text.len());
    let (name, after) = text.split_at(end);
    match name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        true => Ok((None, text)),
        false => Ok((Some(name), after)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: Surroundings<'static> = Surroundings {
        variable: &|name| match name {
            "HOME" => Some("/home/me".to_owned()),
            "PROJECT" => Some("lab".to_owned()),
            _ => None,
        },
        home: Some("/home/me"),
        exists: &|path| path == Path::new("/srv/$PROJECT") || path == Path::new("~"),
    };

    #[test]
    fn home_and_variables_are_replaced() {
        for (written, wanted) in [
            ("", ""),
            ("/data", "/data"),
            ("data/a~b", "data/a~b"),
            ("./~/x", "./~/x"),
            ("/a/~", "/a/~"),
            // Also where kind has left a directory of that name.
            ("~", "/home/me"),
            ("~/", "/home/me/"),
            ("~/.docker/config.json", "/home/me/.docker/config.json"),
            ("~/$PROJECT", "/home/me/lab"),
            ("$HOME", "/home/me"),
            ("$HOME/more", "/home/me/more"),
            ("${HOME}/more", "/home/me/more"),
            ("/srv/${PROJECT}-1/$PROJECT.d", "/srv/lab-1/lab.d"),
            ("$PROJECT$PROJECT", "lablab"),
            // It exists.
            ("/srv/$PROJECT", "/srv/$PROJECT"),
            ("/data/a$", "/data/a$"),
            ("/data/$1/$-x", "/data/$1/$-x"),
        ] {
            assert_eq!(resolve(written, &MACHINE), Ok(wanted.into()), "{written}");
        }
    }

    #[test]
    fn what_cannot_be_replaced_is_refused() {
        for (written, word) in [
            ("$NONE/x", "NONE is not set"),
            ("/a/${NONE}", "NONE is not set"),
            ("/srv/$PROJECT/$NONE", "NONE is not set"),
            ("$PROJECT_2", "PROJECT_2 is not set"),
            ("~/$NONE", "NONE is not set"),
            ("~other/x", "write the path of the directory, or ./~other"),
            ("${HOME:-/root}", "write a variable as $NAME or ${NAME}"),
            ("${HOME", "is not replaced"),
            ("${}", "is not replaced"),
            ("$(pwd)", "is not run"),
        ] {
            let why = resolve(written, &MACHINE).unwrap_err();
            assert!(why.contains(word), "{written}: {why}");
        }
        let why = resolve("~", &Surroundings::NONE).unwrap_err();
        assert!(why.contains("HOME is not set"), "{why}");
        let windows = Surroundings { home: Some("C:\\Users\\me"), ..Surroundings::NONE };
        assert_eq!(resolve("~/x", &windows), Ok("C:\\Users\\me/x".into()));
    }
}
