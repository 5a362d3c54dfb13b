//! Building images: nothing to do, and ended early.

use std::time::Duration;

use crate::harness::{Lab, builders, check, eventually, has_image, image_id, stderr};

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn a_build_leaves_only_its_image() {
    let lab = Lab::new(&[]);
    let again = lab.run(&["build", "node-image"]);
    assert!(again.status.success(), "{}", stderr(&again));
    assert!(stderr(&again).contains("up to date"), "{}", stderr(&again));
    check("a second build has nothing to do");

    let images = lab.run(&["build", "addon-images"]);
    assert!(images.status.success(), "{}", stderr(&images));
    assert_eq!(stderr(&images).matches("up to date").count(), 2, "{}", stderr(&images));
    check("neither has one of the add-ons' images");

    let name = "skiff/metrics-server:v0.9.0";
    let (before, old) = (builders(), image_id(name));
    let forced = lab.run(&["build", "addon-images", "metrics-server", "--force"]);
    assert!(forced.status.success(), "{}", stderr(&forced));
    assert_eq!(builders(), before);
    assert!(stderr(&forced).contains("built"), "{}", stderr(&forced));
    assert_eq!(image_id(name), old, "equal inputs make equal images");
    check("a forced one makes the same image again");

    let printed = lab.run(&["get", "sbom", name]);
    assert!(printed.status.success(), "{}", stderr(&printed));
    let document: serde_json::Value = serde_json::from_slice(&printed.stdout).unwrap();
    let components = document["components"].as_array().unwrap();
    let is_server = |component: &&serde_json::Value| {
        let purl = component["purl"].as_str().unwrap_or_default();
        purl.starts_with("pkg:golang/sigs.k8s.io/metrics-server@")
    };
    assert_eq!(components.iter().filter(is_server).count(), 1, "{document}");
    check("its bill of materials names what it was compiled from");

    let image = "skiff-test/node:interrupted";
    let child = lab.spawn(&["build", "node-image", "--image", image]);
    eventually(
        "the builder",
        60,
        || if builders() == before { Err("none".into()) } else { Ok(()) },
    );
    std::thread::sleep(Duration::from_secs(2));
    std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let out = child.wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(130), "{}", stderr(&out));
    assert_eq!(builders(), before);
    assert!(!has_image(image));
    check("an interrupted build leaves neither its builder nor an image");
}
