//! How much a step has transferred.

/// What a step has transferred since it began.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Amount {
    /// For people, such as `1.2 MB of 3.0 MB, 3 of 4 layers`.
    pub text: String,
    /// Bytes as they are sent; `None` if they are not counted.
    pub bytes: Option<u64>,
    /// All bytes that are to be sent, if that is known.
    pub total: Option<u64>,
}

/// A readable number of bytes, such as `12.3 MB` (powers of 1000).
pub fn size(bytes: u64) -> String {
    let (mut number, mut unit) = (bytes as f64, "B");
    for larger in ["kB", "MB", "GB", "TB"] {
        if number < 1000.0 {
            break;
        }
        (number, unit) = (number / 1000.0, larger);
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{number:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        assert_eq!([0, 999, 1000, 12_345_678].map(size), ["0 B", "999 B", "1.0 kB", "12.3 MB"]);
    }
}
