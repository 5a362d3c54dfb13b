//! What is wrong with a definition, and where.

use std::fmt;

use crate::yaml::located;

/// One thing that is wrong with a definition.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// 1-based; `None` if the problem is about the entire file.
    pub line: Option<usize>,
    /// Such as `nodes[1].role`; empty for the entire file.
    pub path: String,
    /// States the rule or what was expected, without line and path.
    pub message: String,
}

/// Everything that is wrong with a definition, in the order of its lines.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// One problem of the entire file.
    pub(super) fn only(message: impl Into<String>) -> Self {
        Problems(vec![Problem { line: None, path: String::new(), message: message.into() }])
    }

    pub(super) fn add(&mut self, line: usize, path: &str, message: impl Into<String>) {
        let (path, message) = (path.to_owned(), message.into());
        self.0.push(Problem { line: Some(line), path, message });
    }
}

impl From<located::Problem> for Problem {
    fn from(problem: located::Problem) -> Self {
        Problem { line: Some(problem.line), path: problem.path, message: problem.message }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(Problem::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Problems {}
