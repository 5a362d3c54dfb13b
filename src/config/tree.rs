//! YAML text as a tree that remembers its lines.
//!
//! Only the first document is read, as Go's decoder does. Aliases and merge
//! keys are resolved here, so the rest of the config code sees plain maps.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, options};

use super::{Problem, Problems};

/// Deeper than any definition; keeps hostile input off the stack.
const MAX_DEPTH: usize = 64;
/// Bounds what aliases may expand to ("billion laughs").
const MAX_NODES: usize = 100_000;

#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    /// 1-based; 0 for an empty file.
    pub line: usize,
    pub value: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    /// `plain` is false for text that is quoted, a block, or tagged `!!str`.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Tree>),
    Map(Vec<Entry>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub key: String,
    /// The key's line.
    pub line: usize,
    pub tree: Tree,
}

/// Reads the first document; duplicate keys go to `problems`, and the first
/// of them counts.
///
/// # Errors
/// What makes the text unreadable: a syntax error, or exceeded limits.
pub fn read(text: &str, problems: &mut Problems) -> Result<Tree, Problem> {
    let events = Parser::new_from_str_with_options(text, options! { emit_comments: false });
    let mut builder = Builder { events, anchors: HashMap::new(), nodes: 0, problems };
    loop {
        let (event, span) = builder.next()?;
        match event {
            Event::StreamStart | Event::DocumentStart(..) => {}
            Event::StreamEnd | Event::DocumentEnd => {
                return Ok(Tree { line: 0, value: Value::Null });
            }
            event => return builder.tree(event, span, "", 0),
        }
    }
}

struct Builder<'p, E> {
    events: E,
    anchors: HashMap<usize, Tree>,
    /// How many trees were made so far, copies included.
    nodes: usize,
    problems: &'p mut Problems,
}

impl<'t, E> Builder<'_, E>
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
        // An anchor is known once it is complete, so a missing one is being
        // used inside itself.
        let size = match self.anchors.get(&id) {
            Some(tree) => tree.size(),
            None => {
                return Err(Problem::new(line, path, "this alias stands inside what it refers to"));
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
            items.push(self.tree(event, span, &format!("{path}[{}]", items.len()), depth + 1)?);
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
            let inner = super::join(path, &key);
            let (event, span) = self.next()?;
            let tree = self.tree(event, span, &inner, depth + 1)?;
            if !named {
                // Go's decoder drops what has no name.
            } else if is_merge {
                merged.extend(merge_sources(tree).ok_or_else(|| {
                    Problem::new(line, &inner, "a merge key takes a mapping, or a list of mappings")
                })?);
            } else if let Some(first) = entries.iter().find(|e| e.key == key) {
                self.problems.add(line, &inner, format!("already set on line {}", first.line));
            } else {
                entries.push(Entry { key, line, tree });
            }
        }
        // What is written in place wins, then the earlier merge source.
        for entry in merged {
            if entries.iter().all(|e| e.key != entry.key) {
                entries.push(entry);
            }
        }
        Ok(Value::Map(entries))
    }

    fn count(&mut self, trees: usize, line: usize) -> Result<(), Problem> {
        self.nodes = self.nodes.saturating_add(trees);
        match self.nodes > MAX_NODES {
            true => Err(Problem::new(line, "", "too large once its aliases are expanded")),
            false => Ok(()),
        }
    }
}

impl Tree {
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
        _ => Value::Scalar { text: text.to_owned(), plain },
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
mod tests {
    use super::*;

    fn show(tree: &Tree) -> String {
        match &tree.value {
            Value::Null => "~".into(),
            Value::Scalar { text, plain: true } => text.clone(),
            Value::Scalar { text, .. } => format!("{text:?}"),
            Value::List(items) => {
                format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" "))
            }
            Value::Map(entries) => {
                let all: Vec<_> = entries
                    .iter()
                    .map(|e| format!("{}@{}:{}", e.key, e.line, show(&e.tree)))
                    .collect();
                format!("{{{}}}", all.join(" "))
            }
        }
    }

    #[test]
    fn trees() {
        let cases = [
            ("", "~"),
            ("# only a comment\n", "~"),
            ("a: 1\nb: '1'\nc: !!str 1\nd: !!int '1'\n", "{a@1:1 b@2:\"1\" c@3:\"1\" d@4:1}"),
            ("a: |\n  x\nb: ~\nc:\n", "{a@1:\"x\\n\" b@3:~ c@4:~}"),
            ("- a\n- [b, ~]\n", "[a [b ~]]"),
            ("a: &x [1]\nb: *x\n", "{a@1:[1] b@2:[1]}"),
            ("a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3\n", "{a@1:{p@1:1 q@1:2} b@2:{q@4:3 p@1:1}}"),
            ("a: &x {p: 1}\nb: {<<: [*x, {p: 2, r: 4}]}\n", "{a@1:{p@1:1} b@2:{p@1:1 r@2:4}}"),
            ("a: 1\n---\n: ] this is never read", "{a@1:1}"),
            ("{\"a\": [1, \"b\"]}", "{a@1:[1 \"b\"]}"),
            ("~: x\na: 1\n: y\n", "{a@2:1}"),
        ];
        for (text, want) in cases {
            let mut problems = Problems::default();
            assert_eq!(show(&read(text, &mut problems).unwrap()), want, "{text}");
            assert_eq!(problems, Problems::default(), "{text}");
        }
    }

    #[test]
    fn unreadable() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..9 {
            let row = format!("*a{}, ", n - 1).repeat(9);
            bomb += &format!("a{n}: &a{n} [{row}]\n");
        }
        let cases = [
            ("a: [1\nb: 2\n", "not valid YAML"),
            ("a: *nothing\n", "not valid YAML"),
            ("a: &x [*x]\n", "inside what it refers to"),
            ("<<: 3\n", "takes a mapping"),
            ("? [a]\n: b\n", "plain text"),
            (&bomb, "too large"),
            (&("[".repeat(100) + &"]".repeat(100)), "too deeply"),
            (&"[".repeat(100_000), "recursion limit"),
        ];
        for (text, want) in cases {
            let problem = read(text, &mut Problems::default()).unwrap_err();
            assert!(problem.message.contains(want), "{want}: {problem}");
        }
    }

    #[test]
    fn duplicate_keys_are_listed() {
        let mut problems = Problems::default();
        read("a:\n- b: 1\n  b: 2\n", &mut problems).unwrap();
        assert_eq!(problems.to_string(), "line 3: a[0].b: already set on line 2");
    }
}
