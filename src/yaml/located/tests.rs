use super::*;

fn show(tree: &Tree) -> String {
    match &tree.value {
        Value::Null => "~".into(),
        Value::Scalar { text, plain: true, .. } => text.clone(),
        Value::Scalar { text, .. } => format!("{text:?}"),
        Value::List(items) => {
            format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" "))
        }
        Value::Map(entries) => {
            let all: Vec<_> =
                entries.iter().map(|e| format!("{}@{}:{}", e.key, e.line, show(&e.tree))).collect();
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
        let document = read(text).unwrap();
        assert_eq!(show(&document.tree), want, "{text}");
        assert_eq!(document.duplicates, [], "{text}");
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
        ("a: &x [*x]\n", "inside its own anchor"),
        ("<<: 3\n", "takes a mapping"),
        ("? [a]\n: b\n", "plain text"),
        (&bomb, "too large"),
        (&("[".repeat(100) + &"]".repeat(100)), "too deeply"),
        (&"[".repeat(100_000), "recursion limit"),
    ];
    for (text, want) in cases {
        let problem = read(text).unwrap_err();
        assert!(problem.message.contains(want), "{want}: {problem:?}");
    }
}

#[test]
fn every_value_has_its_line_and_a_block_the_line_of_its_text() {
    let text = "a: {b: 1}\nc:\n- |\n\n  x\n- d: >-\n    x\n  e: |-\n    y\n- 'z\n\n  z'\n";
    let mut found = Vec::new();
    read(text).unwrap().tree.lines(&mut |path, line, literal| {
        found.push(format!("{path}@{line}{}", if literal { "|" } else { "" }));
    });
    assert_eq!(
        found,
        ["a.b@1", "a@1", "c[0]@4|", "c[1].d@6", "c[1].e@9|", "c[1]@6", "c[2]@10", "c@2"]
    );
}

#[test]
fn a_second_document_is_noticed_and_not_read() {
    for (text, line) in [
        ("a: 1\n", None),
        ("---\na: 1\n...\n", None),
        ("a: 1\n---\n", None),
        ("a: 1\n---\n# nothing\n---\n~\n", None),
        ("a: 1\n---\nb: 2\n", Some(3)),
        ("a: 1\n---\n\n- b\n", Some(4)),
        ("a: 1\n--- # more\n'b'\n", Some(3)),
        ("a: 1\n---\nb: [\n", Some(3)),
    ] {
        assert_eq!(read(text).unwrap().second, line, "{text}");
    }
}

#[test]
fn duplicate_keys_are_listed_and_the_first_counts() {
    let document = read("a:\n- b: 1\n  b: 2\n").unwrap();
    assert_eq!(document.duplicates, [Problem::new(3, "a[0].b", "already set on line 2")]);
    assert_eq!(show(&document.tree), "{a@1:[{b@2:1}]}");
}
