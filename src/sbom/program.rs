//! The crates that this program is made of.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::toml;

const MANIFEST: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
const LOCK: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock"));
const NAME: &str = env!("CARGO_PKG_NAME");

/// A crate as `Cargo.lock` has it: its name and version.
type Key = (String, String);

/// What this program is made of. The lock knows no systems, so crates for other
/// systems than this one are among them, and those that only build scripts use.
pub(crate) fn of_program() -> Value {
    let document = document(MANIFEST, LOCK);
    document.expect("cargo has read the same files")
}

fn document(manifest: &str, lock: &str) -> Result<Value, String> {
    let (manifest, lock) = (toml::parse(manifest)?, toml::parse(lock)?);
    let packages: BTreeMap<Key, &Value> = list(&lock["package"]).map(|p| (key(p), p)).collect();
    let root = packages.keys().find(|(name, _)| name == NAME).ok_or("no root package")?;
    let used = reachable(&packages, root, &direct(&manifest));
    let component = |key: &Key| component(key, packages[key]);
    let depends_on = |key: &Key| {
        let needed = dependencies(&packages, key).filter(|needed| used.contains(needed));
        json!({"ref": purl(key), "dependsOn": needed.map(|key| purl(&key)).collect::<Vec<_>>()})
    };
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "tools": {"components": [{"type": "application", "name": NAME}]},
            "component": {
                "type": "application",
                "bom-ref": purl(root),
                "name": root.0,
                "version": root.1,
                "purl": purl(root),
                "licenses": [{"expression": env!("CARGO_PKG_LICENSE")}],
            },
        },
        "components": used.iter().filter(|key| *key != root).map(component).collect::<Vec<_>>(),
        "dependencies": used.iter().map(depends_on).collect::<Vec<_>>(),
    }))
}

/// The root's dependencies by name, without those that only tests have.
fn direct(manifest: &Value) -> BTreeSet<&str> {
    let of_targets = manifest["target"].as_object().into_iter().flat_map(|all| all.values());
    let tables = [manifest].into_iter().chain(of_targets);
    let tables = tables.filter_map(|table| table["dependencies"].as_object());
    tables.flatten().map(|(name, value)| value["package"].as_str().unwrap_or(name)).collect()
}

/// The root, and what it needs when it needs these directly.
fn reachable(
    packages: &BTreeMap<Key, &Value>,
    root: &Key,
    direct: &BTreeSet<&str>,
) -> BTreeSet<Key> {
    let mut found = BTreeSet::from([root.clone()]);
    let mut next: Vec<Key> =
        dependencies(packages, root).filter(|(name, _)| direct.contains(name.as_str())).collect();
    while let Some(key) = next.pop() {
        if found.insert(key.clone()) {
            next.extend(dependencies(packages, &key));
        }
    }
    found
}

/// Those of one package. The lock gives their versions where a name has several.
fn dependencies<'a>(
    packages: &'a BTreeMap<Key, &'a Value>,
    of: &Key,
) -> impl Iterator<Item = Key> + 'a {
    list(&packages[of]["dependencies"]).filter_map(Value::as_str).filter_map(|text| {
        let mut words = text.split(' ');
        let (name, version) = (words.next()?, words.next());
        let is_meant = |key: &&Key| key.0 == name && version.is_none_or(|v| v == key.1);
        packages.keys().find(is_meant).cloned()
    })
}

fn component(key: &Key, package: &Value) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": purl(key),
        "name": key.0,
        "version": key.1,
        "purl": purl(key),
    });
    if let Some(checksum) = package["checksum"].as_str() {
        component["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
    }
    component
}

/// The package's URL (<https://github.com/package-url/purl-spec>).
fn purl((name, version): &Key) -> String {
    format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"))
}

fn key(package: &Value) -> Key {
    let text = |field: &str| package[field].as_str().unwrap_or_default().to_owned();
    (text("name"), text("version"))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(document: &Value) -> Vec<&str> {
        list(&document["components"]).map(|c| c["purl"].as_str().unwrap()).collect()
    }

    #[test]
    fn crates_of_the_program_are_found_and_those_of_tests_are_not() {
        let manifest = "[dependencies]\na = '1'\ny = {package = 'c', version = '2'}\n[dev-dependencies]\nonly-tests = '1'\n[target.'cfg(unix)'.dependencies]\nd = '1'\n";
        let lock = format!(
            "[[package]]\nname = '{NAME}'\nversion = '0.1.0'\ndependencies = ['a', 'c 2.0.0', 'd', 'only-tests']\n
             [[package]]\nname = 'a'\nversion = '1.0.0'\nchecksum = '12'\ndependencies = ['c 1.0.0+x']\n
             [[package]]\nname = 'c'\nversion = '1.0.0+x'\n
             [[package]]\nname = 'c'\nversion = '2.0.0'\n
             [[package]]\nname = 'd'\nversion = '1.0.0'\n
             [[package]]\nname = 'only-tests'\nversion = '1.0.0'\n"
        );
        let document = document(manifest, &lock).unwrap();
        let expected = [
            "pkg:cargo/a@1.0.0",
            "pkg:cargo/c@1.0.0%2Bx",
            "pkg:cargo/c@2.0.0",
            "pkg:cargo/d@1.0.0",
        ];
        assert_eq!(names(&document), expected);
        assert_eq!(document["components"][0]["hashes"][0]["content"], "12");
        let root = list(&document["dependencies"])
            .find(|entry| entry["ref"] == format!("pkg:cargo/{NAME}@0.1.0"))
            .unwrap();
        let direct = ["pkg:cargo/a@1.0.0", "pkg:cargo/c@2.0.0", "pkg:cargo/d@1.0.0"];
        assert_eq!(root["dependsOn"], json!(direct));
    }

    #[test]
    fn this_program_is_described() {
        let document = of_program();
        let names = names(&document);
        assert!(names.iter().any(|name| name.starts_with("pkg:cargo/tokio@1.")), "{names:?}");
        assert!(!names.iter().any(|name| name.starts_with("pkg:cargo/proptest@")), "{names:?}");
        assert!(list(&document["components"]).all(|component| component["hashes"].is_array()));
    }
}
