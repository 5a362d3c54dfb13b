//! Durations in the syntax of Go (<https://pkg.go.dev/time#ParseDuration>):
//! numbers with units, such as `300ms`, `1.5s` or `1h30m`, and `0`.

use std::time::Duration;

/// Reads a duration as `time.ParseDuration` does. A negative one has run out
/// before it begins: it becomes zero.
///
/// # Errors
/// Returns a message with valid examples if the text is not a duration.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let invalid = || {
        format!("invalid duration {text:?}: write a number with a unit, such as 90s, 5m or 1h30m")
    };
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if unsigned == "0" {
        return Ok(Duration::ZERO);
    }
    if unsigned.is_empty() {
        return Err(invalid());
    }
    let seconds = seconds(unsigned).ok_or_else(invalid)?;
    let duration = Duration::try_from_secs_f64(seconds).map_err(|_| invalid())?;
    Ok(if text.starts_with('-') { Duration::ZERO } else { duration })
}

/// The sum of all numbers with their units.
fn seconds(mut text: &str) -> Option<f64> {
    let in_number = |c: char| c.is_ascii_digit() || c == '.';
    let mut total = 0.0;
    while !text.is_empty() {
        let (number, rest) = text.split_at(text.find(|c| !in_number(c))?);
        let (unit, rest) = rest.split_at(rest.find(in_number).unwrap_or(rest.len()));
        total += number.parse::<f64>().ok()? * seconds_of_unit(unit)?;
        text = rest;
    }
    Some(total)
}

fn seconds_of_unit(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1e-9,
        // The micro sign and the Greek letter, as in Go.
        "us" | "µs" | "μs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    })
}

/// Writes a duration as Go prints it (<https://pkg.go.dev/time#Duration.String>),
/// rounded to seconds: `45s`, `5m0s`, `1h30m0s`.
pub(crate) fn format(duration: Duration) -> String {
    let all = duration.saturating_add(Duration::from_millis(500)).as_secs();
    let (hours, minutes, seconds) = (all / 3600, all / 60 % 60, all % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations_are_read() {
        for (text, millis) in [
            ("0", 0),
            ("0s", 0),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("1.5s", 1500),
            ("300ms", 300),
            ("+1m.5s", 60_500),
            ("-5s", 0),
            ("-0", 0),
        ] {
            assert_eq!(parse(text).unwrap().as_millis(), millis, "{text}");
        }
        for text in ["5", "", "m", "5x", "-", "-5", "--5s", "1..5s", "9e99h"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_written_as_go_writes_them() {
        for (millis, text) in [
            (0, "0s"),
            (1000, "1s"),
            (59_600, "1m0s"),
            (90_000, "1m30s"),
            (300_000, "5m0s"),
            (3_600_000, "1h0m0s"),
            (5_445_000, "1h30m45s"),
        ] {
            assert_eq!(format(Duration::from_millis(millis)), text);
        }
    }
}
