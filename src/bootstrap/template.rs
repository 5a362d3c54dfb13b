//! What network manifests use of Go's `text/template`: the pod subnet, with
//! trim markers. Any other action is an error: a manifest that
//! came out wrong would be hard to find.

const FIELD: &str = ".PodSubnet";

/// Fills in a template whose data is one field, `.PodSubnet`.
///
/// # Errors
/// Returns a sentence about an action that is not supported, or never closed.
pub(super) fn render(template: &str, pod_subnet: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (action, after) = after.split_once("}}").ok_or("a template's {{ is never closed")?;
        let left = action.strip_prefix("- ");
        let action = left.unwrap_or(action);
        let right = action.strip_suffix(" -");
        if right.unwrap_or(action).trim() != FIELD {
            return Err(format!("the template asks for {{{{{action}}}}}; only {FIELD} is known"));
        }
        out.push_str(if left.is_some() { before.trim_end() } else { before });
        out.push_str(pod_subnet);
        rest = if right.is_some() { after.trim_start() } else { after };
    }
    Ok(out + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subnet_is_filled_in_and_nothing_else() {
        for (template, wanted) in [
            ("", Ok("")),
            ("a: {{ .PodSubnet }}\nb: '{{.PodSubnet}}'\n", Ok("a: X\nb: 'X'\n")),
            ("a: \n {{- .PodSubnet -}} \n b", Ok("a:Xb")),
            ("a: {{ .Nodes }}", Err(".Nodes")),
            ("a: {{ if .PodSubnet }}b{{ end }}", Err("if .PodSubnet")),
            ("a: {{ .PodSubnet", Err("never closed")),
        ] {
            match (render(template, "X"), wanted) {
                (Ok(text), Ok(wanted)) => assert_eq!(text, wanted),
                (Err(why), Err(word)) => assert!(why.contains(word), "{why}"),
                (got, _) => panic!("{template}: {got:?}"),
            }
        }
    }
}
