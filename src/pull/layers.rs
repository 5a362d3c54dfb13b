//! How far an engine has got with the layers of an image.

use std::collections::BTreeMap;

use crate::engine::PullEvent;
use crate::progress::{Amount, size};

/// The layers of an image that is being pulled.
#[derive(Default)]
pub(super) struct Layers(BTreeMap<String, Layer>);

#[derive(Default)]
struct Layer {
    stage: Stage,
    /// Bytes, as they are sent.
    received: u64,
    /// Not known before the layer is asked for.
    size: Option<u64>,
}

#[derive(Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    #[default]
    Known,
    Downloaded,
    Unpacked,
}

impl Layers {
    /// Takes in what the engine reports; returns what there is to show afterwards.
    /// The words are those of Docker (moby, `distribution/xfer` and
    /// `distribution/pull_v2.go`); Podman uses some of them.
    pub(super) fn update(&mut self, event: &PullEvent) -> Amount {
        let stage = match event.status.as_str() {
            "Pulling fs layer" | "Waiting" | "Downloading" => Stage::Known,
            "Verifying Checksum" | "Download complete" | "Extracting" => Stage::Downloaded,
            "Already exists" | "Pull complete" => Stage::Unpacked,
            // About the image, or a retry.
            other => return self.amount(other.to_owned()),
        };
        let Some(id) = &event.layer else { return self.amount(event.status.clone()) };
        let layer = self.0.entry(id.clone()).or_default();
        layer.stage = layer.stage.max(stage);
        if event.status == "Downloading" {
            layer.received = event.done.unwrap_or(layer.received);
            layer.size = event.total.filter(|total| *total > 0).or(layer.size);
        }
        if layer.stage >= Stage::Downloaded {
            layer.received = layer.size.unwrap_or(layer.received);
            // Of a layer that was there, or too small for a report.
            layer.size = Some(layer.received);
        }
        self.amount(self.summary())
    }

    fn amount(&self, text: String) -> Amount {
        let bytes = (!self.0.is_empty()).then(|| self.received());
        Amount { text, bytes, total: bytes.and(self.total()) }
    }

    fn received(&self) -> u64 {
        self.0.values().map(|layer| layer.received).sum()
    }

    /// The size of all layers, once each of them is known.
    fn total(&self) -> Option<u64> {
        self.0.values().map(|layer| layer.size).sum()
    }

    fn summary(&self) -> String {
        let all = self.0.len();
        let count = |stage| self.0.values().filter(|layer| layer.stage >= stage).count();
        let received = self.received();
        match (count(Stage::Downloaded), count(Stage::Unpacked)) {
            (downloaded, unpacked) if downloaded == all => {
                format!("{}, {unpacked} of {all} layers unpacked", size(received))
            }
            (downloaded, _) => {
                let of_total = self.total().map(|total| format!(" of {}", size(total)));
                format!(
                    "{}{}, {downloaded} of {all} layers",
                    size(received),
                    of_total.unwrap_or_default()
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(events: &[(&str, &str, u64, u64)]) -> Vec<String> {
        amounts(events).into_iter().map(|amount| amount.text).collect()
    }

    fn amounts(events: &[(&str, &str, u64, u64)]) -> Vec<Amount> {
        let mut layers = Layers::default();
        let event = |(layer, status, done, total): &(&str, &str, u64, u64)| PullEvent {
            layer: Some((*layer).to_owned()).filter(|layer| !layer.is_empty()),
            status: (*status).to_owned(),
            done: Some(*done).filter(|done| *done > 0),
            total: Some(*total).filter(|total| *total > 0),
        };
        events.iter().map(|line| layers.update(&event(line))).collect()
    }

    #[test]
    fn bytes_and_layers_are_counted() {
        let events = [
            ("v1", "Pulling from kindest/node", 0, 0, "Pulling from kindest/node"),
            ("a", "Already exists", 0, 0, "0 B, 1 of 1 layers unpacked"),
            ("b", "Pulling fs layer", 0, 0, "0 B, 1 of 2 layers"),
            ("c", "Pulling fs layer", 0, 0, "0 B, 1 of 3 layers"),
            ("c", "Waiting", 0, 0, "0 B, 1 of 3 layers"),
            ("b", "Downloading", 500, 2000, "500 B, 1 of 3 layers"),
            ("c", "Downloading", 1000, 3000, "1.5 kB of 5.0 kB, 1 of 3 layers"),
            ("b", "Verifying Checksum", 0, 0, "3.0 kB of 5.0 kB, 2 of 3 layers"),
            ("b", "Download complete", 0, 0, "3.0 kB of 5.0 kB, 2 of 3 layers"),
            // Numbers of other stages are not bytes that are sent.
            ("b", "Extracting", 7, 9, "3.0 kB of 5.0 kB, 2 of 3 layers"),
            ("b", "Pull complete", 0, 0, "3.0 kB of 5.0 kB, 2 of 3 layers"),
            ("c", "Download complete", 0, 0, "5.0 kB, 2 of 3 layers unpacked"),
            ("c", "Pull complete", 0, 0, "5.0 kB, 3 of 3 layers unpacked"),
            ("", "Digest: sha256:12", 0, 0, "Digest: sha256:12"),
        ];
        let expected = events.map(|event| event.4);
        assert_eq!(shown(&events.map(|(layer, status, n, m, _)| (layer, status, n, m))), expected);
    }

    #[test]
    fn the_total_is_known_once_every_layer_has_a_size() {
        let events = [
            ("v1", "Pulling from kindest/node", 0, 0),
            ("a", "Downloading", 500, 2000),
            ("b", "Pulling fs layer", 0, 0),
            ("b", "Downloading", 1000, 3000),
            ("", "Digest: sha256:12", 0, 0),
        ];
        let found = amounts(&events).into_iter().map(|amount| (amount.bytes, amount.total));
        let expected = [
            (None, None),
            (Some(500), Some(2000)),
            (Some(500), None),
            (Some(1500), Some(5000)),
            (Some(1500), Some(5000)),
        ];
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }

    /// As Podman reports it, and Docker a layer that is too small.
    #[test]
    fn a_layer_may_have_no_size() {
        let events = [("a", "Pulling fs layer", 0, 0), ("a", "Pull complete", 0, 0)];
        assert_eq!(shown(&events), ["0 B, 0 of 1 layers", "0 B, 1 of 1 layers unpacked"]);
        let retry = [("a", "Downloading", 1, 2), ("a", "Retrying in 5 seconds", 0, 0)];
        assert_eq!(shown(&retry), ["1 B of 2 B, 0 of 1 layers", "Retrying in 5 seconds"]);
    }
}
