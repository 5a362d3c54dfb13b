//! YAML as a tree whose values know their lines, for messages about files that
//! people write. The policies are those of [`super`].
//!
//! Aliases and merge keys are resolved here, so a reader of the tree sees plain
//! mappings.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, options};

/// Deeper than any definition; limits recursion on hostile input.
const MAX_DEPTH: usize = 64;
/// Limits the trees that aliases may expand to ("billion laughs").
const MAX_TREES: usize = 100_000;

/// A document that could be read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Document {
    /// The document's root.
    pub tree: Tree,
    /// One for each duplicate key; the tree has the first of the values.
    pub duplicates: Vec<Problem>,
    /// The line of a second document that is not empty, which is not read.
    pub second: Option<usize>,
}

/// A value and its line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tree {
    /// 1-based; 0 for an empty file.
    pub line: usize,
    /// With aliases and merge keys resolved.
    pub value: Value,
}

/// A YAML value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// `null`, `~` or nothing at all, unless it is quoted.
    Null,
    /// The text as written. `plain` is false if it is quoted, a block, or
    /// tagged `!!str`.
    Scalar {
        /// Without quotes; escapes are resolved.
        text: String,
        /// Whether the text may be a number or a boolean, not only a string.
        plain: bool,
        /// Whether it is a literal block (`|`), whose lines are lines of the file. The
        /// line of the value is the first that is not empty.
        literal: bool,
    },
    /// In the order written.
    List(Vec<Tree>),
    /// In the order written, then the fields of merge keys. Each key is unique.
    Map(Vec<Entry>),
}

/// A field of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// As text, without quotes.
    pub key: String,
    /// The key's line.
    pub line: usize,
    /// What the key maps to.
    pub tree: Tree,
}

/// Something wrong at one place of the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// 1-based.
    pub line: usize,
    /// Such as `nodes[1].role`; empty for the document itself.
    pub path: String,
    /// A phrase without line and path, such as `already set on line 3`.
    pub message: String,
}

/// Reads the first document of a stream; an empty one is [`Value::Null`].
///
/// # Errors
/// Returns the problem that makes the text unreadable: a syntax error, an alias
/// inside its own anchor, a key that is not a scalar, or an exceeded limit.
pub(crate) fn read(text: &str) -> Result<Document, Problem> {
    let events = Parser::new_from_str_with_options(text, options! { emit_comments: false });
    let mut builder = Builder { events, anchors: HashMap::new(), trees: 0, duplicates: Vec::new() };
    let tree = loop {
        let (event, span) = builder.next()?;
        match event {
            Event::StreamStart | Event::DocumentStart(..) => {}
            Event::StreamEnd | Event::DocumentEnd => break Tree { line: 0, value: Value::Null },
            event => break builder.tree(event, span, "", 0)?,
        }
    };
    let second = builder.second();
    Ok(Document { tree, duplicates: builder.duplicates, second })
}

/// The path of a field of the mapping at `path`.
pub(crate) fn field_path(path: &str, field: &str) -> String {
    match path {
        "" => field.to_owned(),
        _ => format!("{path}.{field}"),
    }
}

/// The path of an item of the list at `path`.
pub(crate) fn item_path(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}

struct Builder<E> {
    events: E,
    anchors: HashMap<usize, Tree>,
    /// The number of trees made so far, copies included.
    trees: usize,
    duplicates: Vec<Problem>,
}

impl<'t, E> Builder<E>
where
    E: Iterator<Item = Result<(Event<'t>, Span), ScanError>>,
{
    fn next(&mut self) -> Result<(Event<'t>, Span), Problem> {
        match self.events.next() {
            Some(Ok(found)) => Ok(found),
            Some(Err(e)) => {
                Err(Problem::new(e.marker().line(), "", format!("not valid YAML: {}", e.info())))
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    /// The line of the next document that is not empty. Its text need not be valid.
    fn second(&mut self) -> Option<usize> {
        loop {
            match self.events.next()? {
                Err(error) => return Some(error.marker().line()),
                Ok((Event::StreamEnd, _)) => return None,
                Ok((Event::DocumentStart(..) | Event::DocumentEnd, _)) => {}
                Ok((event, _)) if event.scalar().is_some() && scalar(&event) == Value::Null => {}
                Ok((_, span)) => return Some(span.start.line()),
            }
        }
    }

    fn tree(
        &mut self,
        event: Event<'t>,
        span: Span,
        path: &str,
        depth: usize,
    ) -> Result<Tree, Problem> {
        let line = span.start.line();
        if depth > MAX_DEPTH {
            return Err(Problem::new(line, path, "nested too deeply"));
        }
        let anchor = event.anchor_id();
        let value = match event {
            Event::Alias(id) => self.alias(id, line, path)?,
            Event::SequenceStart(..) => self.list(path, depth)?,
            Event::MappingStart(..) => self.map(path, depth)?,
            event => scalar(&event),
        };
        self.count(1, line)?;
        let tree = Tree { line, value };
        if let Some(id) = anchor {
            self.anchors.insert(id, tree.clone());
            self.count(tree.size(), line)?;
        }
        Ok(tree)
    }

    fn alias(&mut self, id: usize, line: usize, path: &str) -> Result<Value, Problem> {
        // An anchor is registered when its value is complete: a missing one is
        // used inside its own value.
        let size = match self.anchors.get(&id) {
            Some(tree) => tree.size(),
            None => {
                return Err(Problem::new(line, path, "this alias is inside its own anchor"));
            }
        };
        self.count(size, line)?;
        Ok(self.anchors[&id].value.clone())
    }

    fn list(&mut self, path: &str, depth: usize) -> Result<Value, Problem> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(Value::List(items));
            }
            items.push(self.tree(event, span, &item_path(path, items.len()), depth + 1)?);
        }
    }

    fn map(&mut self, path: &str, depth: usize) -> Result<Value, Problem> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut merged = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let line = span.start.line();
            let is_merge = matches!(event.scalar(), Some(("<<", ScalarStyle::Plain)));
            let (key, named) = match self.tree(event, span, path, depth + 1)?.value {
                Value::Scalar { text, .. } => (text, true),
                Value::Null => ("~".to_owned(), false),
                _ => return Err(Problem::new(line, path, "a field name must be plain text")),
            };
            let inner = field_path(path, &key);
            let (event, span) = self.next()?;
            let tree = self.tree(event, span, &inner, depth + 1)?;
            if !named {
                // Go's decoder ignores null keys.
            } else if is_merge {
                merged.extend(merge_sources(tree).ok_or_else(|| {
                    Problem::new(line, &inner, "a merge key takes a mapping, or a list of mappings")
                })?);
            } else if let Some(first) = entries.iter().find(|e| e.key == key) {
                let message = format!("already set on line {}", first.line);
                self.duplicates.push(Problem::new(line, &inner, message));
            } else {
                entries.push(Entry { key, line, tree });
            }
        }
        // The mapping's own keys come first, then the earlier merge sources.
        for entry in merged {
            if entries.iter().all(|e| e.key != entry.key) {
                entries.push(entry);
            }
        }
        Ok(Value::Map(entries))
    }

    fn count(&mut self, trees: usize, line: usize) -> Result<(), Problem> {
        self.trees = self.trees.saturating_add(trees);
        match self.trees > MAX_TREES {
            true => Err(Problem::new(line, "", "too large when its aliases are expanded")),
            false => Ok(()),
        }
    }
}

impl Problem {
    fn new(line: usize, path: &str, message: impl Into<String>) -> Self {
        Problem { line, path: path.to_owned(), message: message.into() }
    }
}

impl Tree {
    /// Calls `visit` with the path and the line of every field and item, and of each
    /// literal block with the line at which its text begins.
    pub(crate) fn lines(&self, visit: &mut dyn FnMut(String, usize, bool)) {
        self.lines_below("", visit);
    }

    fn lines_below(&self, path: &str, visit: &mut dyn FnMut(String, usize, bool)) {
        let mut below = |path: String, line: usize, tree: &Tree| {
            tree.lines_below(&path, visit);
            match &tree.value {
                // The parser skips empty lines at the beginning.
                Value::Scalar { literal: true, text, .. } => {
                    let empty = text.len() - text.trim_start_matches('\n').len();
                    visit(path, tree.line.saturating_sub(empty), true);
                }
                _ => visit(path, line, false),
            }
        };
        match &self.value {
            Value::Null | Value::Scalar { .. } => {}
            Value::List(items) => {
                let items = items.iter().enumerate();
                items.for_each(|(at, tree)| below(item_path(path, at), tree.line, tree));
            }
            Value::Map(entries) => {
                entries.iter().for_each(|e| below(field_path(path, &e.key), e.line, &e.tree));
            }
        }
    }

    /// The number of trees in it, itself included.
    fn size(&self) -> usize {
        1 + match &self.value {
            Value::Null | Value::Scalar { .. } => 0,
            Value::List(items) => items.iter().map(Tree::size).sum(),
            Value::Map(entries) => entries.iter().map(|e| e.tree.size()).sum(),
        }
    }
}

fn scalar(event: &Event) -> Value {
    let (text, style) = event.scalar().unwrap_or(("", ScalarStyle::Plain));
    let plain = match event.tag() {
        Some(tag) if tag.is_yaml_core_schema_tag("str") => false,
        Some(tag) if tag.is_yaml_core_schema() => true,
        _ => style == ScalarStyle::Plain,
    };
    match text {
        "" | "~" | "null" | "Null" | "NULL" if plain => Value::Null,
        _ => {
            let literal = style == ScalarStyle::Literal;
            Value::Scalar { text: text.to_owned(), plain, literal }
        }
    }
}

fn merge_sources(tree: Tree) -> Option<Vec<Entry>> {
    match tree.value {
        Value::Map(entries) => Some(entries),
        Value::List(items) => items
            .into_iter()
            .map(|item| match item.value {
                Value::Map(entries) => Some(entries),
                _ => None,
            })
            .collect::<Option<Vec<_>>>()
            .map(|maps| maps.concat()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
