//! The tutorial, from start to end: its README's commands as they stand there,
//! and after each what must be true then. A function a chapter.

use std::collections::BTreeSet;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use skiff::node_image;

use crate::harness::{Lab, check, containers_of, eventually, has_image, program};
use crate::http::{Target, Traffic, free_or};
use crate::rollout::Rollout;
use crate::walk::Walk;

const NAME: &str = "skiff-test-tutorial";
const IMAGES: [&str; 2] = ["tutorial/greeter:1.0", "tutorial/greeter:2.0"];
const CONFIGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/configs");

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn the_tutorial_works_as_it_is_written() {
    let tutorial = Tutorial::new();
    a_cluster(&tutorial);
    an_image(&tutorial);
    deploy(&tutorial);
    services(&tutorial);
    through_the_ports_of_your_machine(&tutorial);
    scale(&tutorial);
    update_and_go_back(&tutorial);
    when_pods_fail(&tutorial);
    limits(&tutorial);
    empty_a_node(&tutorial);
    clean_up(&tutorial);
    tutorial.walk.end();
}

struct Tutorial {
    lab: Lab,
    walk: Walk,
    /// Where port 80 of the cluster is on this machine.
    http: String,
    _images: Images,
}

/// The images that the tutorial makes; they go with this, passed or failed.
struct Images;

impl Drop for Images {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["rmi", "--force"]).args(IMAGES).output();
    }
}

impl Tutorial {
    /// The README is the reader's, but for the cluster's name, its host ports
    /// where they are taken, and the images' bases, which are made here.
    fn new() -> Tutorial {
        let lab = Lab::new(&[NAME]);
        let folder = lab.folder.path();
        let (http, https) = (free_or(80), free_or(443));
        let read = |name: &str| std::fs::read_to_string(Path::new(CONFIGS).join(name)).unwrap();

        std::fs::create_dir(folder.join("configs")).unwrap();
        symlink(Path::new(CONFIGS).join("tutorial"), folder.join("configs/tutorial")).unwrap();
        let definition = read("devops-lab.yaml")
            .replace("devops-lab", NAME)
            .replace("hostPort: 80\n", &format!("hostPort: {http}\n"))
            .replace("hostPort: 443\n", &format!("hostPort: {https}\n"));
        lab.write(&format!("configs/{NAME}.yaml"), &definition);
        let ways =
            [(80, http), (443, https)].map(|(of, at)| format!("connect-to = :{of}:127.0.0.1:{at}"));
        lab.write(".curlrc", &ways.join("\n"));

        std::fs::create_dir(folder.join("bin")).unwrap();
        let image = node_image::reference(node_image::DEFAULT_VERSION);
        let skiff = lab.write(
            "bin/skiff",
            &format!(
                "#!/bin/sh\n[ \"$1 $2\" != 'create cluster' ] || set -- \"$@\" --image {image}\nexec {} \"$@\"\n",
                program().display()
            ),
        );
        std::fs::set_permissions(skiff, std::fs::Permissions::from_mode(0o755)).unwrap();

        let readme = read("tutorial/README.md")
            .replace("devops-lab", NAME)
            .replace("/tmp/greeter.", &format!("{}/greeter.", folder.display()))
            .replace("docker build", "docker build --build-arg BASE=skiff/debian:trixie");
        let walk = Walk::new(folder.to_owned(), &readme);
        Tutorial { http: format!("127.0.0.1:{http}"), walk, lab, _images: Images }
    }

    fn json(&self, what: &[&str]) -> Value {
        self.lab.json(NAME, &[&["-n", "tutorial", "get"], what].concat())
    }

    /// The pods of an application, but for those that are on their way out.
    fn pods(&self, app: &str) -> Vec<Value> {
        let mut found = self.json(&["pods", "-l", &format!("app={app}")]);
        let Value::Array(pods) = found["items"].take() else { panic!("{found}") };
        pods.into_iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()).collect()
    }

    fn names(&self, app: &str) -> BTreeSet<String> {
        self.pods(app).iter().map(|pod| text(&pod["metadata"]["name"])).collect()
    }

    /// The greeter, through the host's port 80.
    fn ingress(&self) -> Target {
        let (host, path) = ("greeter.localhost".into(), "/greeter/".into());
        Target { address: self.http.clone(), host, path }
    }

    /// The greeter, through a NodePort.
    fn node_port(&self, node: &str) -> Target {
        let node = self.lab.json(NAME, &["get", "node", node]);
        let addresses = node["status"]["addresses"].as_array().unwrap();
        let ip = addresses.iter().find(|a| a["type"] == "InternalIP").unwrap();
        let address = format!("{}:30080", text(&ip["address"]));
        Target { address, host: String::new(), path: "/".into() }
    }

    /// Both ways in; the NodePort's node is never emptied.
    fn ways_in(&self) -> [Target; 2] {
        [self.ingress(), self.node_port(&format!("{NAME}-control-plane"))]
    }

    /// Waits until an application has so many copies, all ready, and no others.
    fn copies(&self, app: &str, count: u64) {
        eventually(&format!("{count} × {app}"), 240, || {
            let status = self.json(&["deployment", app])["status"].take();
            let counts = ["replicas", "readyReplicas"].map(|what| status[what].as_u64());
            if counts == [Some(count); 2] { Ok(()) } else { Err(status.to_string()) }
        });
    }

    /// Waits until these pods, each of them and no others, answer.
    fn answer(&self, target: &Target, pods: &BTreeSet<String>) {
        eventually("who answers", 60, || {
            let asked = (0..10 * pods.len()).map(|_| Ok(greeting(&ask(target)?).pod));
            match asked.collect::<Result<BTreeSet<String>, String>>()? {
                answered if answered == *pods => Ok(()),
                answered => Err(format!("{answered:?}, not {pods:?}")),
            }
        });
    }
}

/// What the greeter says.
struct Greeting {
    version: String,
    pod: String,
}

fn greeting(body: &str) -> Greeting {
    let said: Value = serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {body}"));
    assert_eq!(said["greeting"], "Hello from skiff", "the ConfigMap in the environment");
    Greeting { version: text(&said["version"]), pod: text(&said["pod"]) }
}

fn ask(target: &Target) -> Result<String, String> {
    target.get(Duration::from_secs(10))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value}")).to_owned()
}

fn a_cluster(tutorial: &Tutorial) {
    tutorial.walk.follow("A cluster");
    let nodes = tutorial.walk.follow("A cluster");
    assert_eq!(nodes.lines().filter(|line| line.contains(" Ready ")).count(), 3, "{nodes}");
    check("a cluster of three nodes, with both add-ons");
}

fn an_image(tutorial: &Tutorial) {
    tutorial.walk.follow("An image");
    let listed = tutorial.lab.ok(&["get", "images", "--name", NAME]);
    for image in IMAGES {
        let line = listed.lines().find(|line| line.contains(image)).unwrap();
        let nodes = ["control-plane", "worker", "worker2"].map(|node| format!("{NAME}-{node}"));
        assert!(nodes.iter().all(|node| line.contains(node)), "{line}");
    }
    check("both versions of an image on all nodes");
}

fn deploy(tutorial: &Tutorial) {
    tutorial.walk.follow("Deploy");
    let pods = tutorial.pods("greeter");
    let nodes: BTreeSet<String> = pods.iter().map(|pod| text(&pod["spec"]["nodeName"])).collect();
    assert_eq!((pods.len(), nodes.len()), (3, 2), "{nodes:?}");
    check("three copies on both workers");
    let refused = tutorial.json(&["events", "--field-selector", "reason=Unhealthy"]);
    let refused = refused["items"].as_array().unwrap();
    let by_start_up = |event: &Value| text(&event["message"]).starts_with("Startup probe failed");
    assert!(refused.iter().any(by_start_up), "{refused:?}");
    let burner = &tutorial.pods("burner")[0]["status"]["containerStatuses"][0];
    assert_eq!((&burner["ready"], &burner["restartCount"]), (&true.into(), &0.into()));
    check("the start-up probe holds the liveness probe back from a slow start");
}

fn services(tutorial: &Tutorial) {
    let pods = tutorial.names("greeter");
    let said: Value = serde_json::from_str(&tutorial.walk.follow("Services")).unwrap();
    assert!(pods.contains(&text(&said["pod"])), "{said}");
    assert_eq!(said["motd"], "Small ships, calm seas.", "the ConfigMap as a file");
    check("a ClusterIP by its name; the ConfigMap as environment and as file");
    assert!(pods.contains(&greeting(&tutorial.walk.follow("Services")).pod));
    for node in ["control-plane", "worker", "worker2"] {
        tutorial.answer(&tutorial.node_port(&format!("{NAME}-{node}")), &pods);
    }
    check("NodePort 30080 on every node, leading to every pod");
}

fn through_the_ports_of_your_machine(tutorial: &Tutorial) {
    const CHAPTER: &str = "Through the ports of your machine";
    let walk = &tutorial.walk;
    walk.follow(CHAPTER);
    let said = walk.follow_soon(CHAPTER);
    let said: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (said, app) in said.iter().zip(["greeter", "burner"]) {
        assert!(tutorial.names(app).contains(&text(&said["pod"])), "{app}: {said}");
    }
    assert_eq!(said[2]["welcome"], "captain");
    check("port 80: two paths of a host lead to two Services, rewritten");
    check("the Secret as environment and as file");
    let login = Target { path: "/greeter/login".into(), ..tutorial.ingress() };
    assert!(ask(&login).unwrap_err().contains(" 401 "));
    let nobody = Target { host: "nobody.localhost".into(), ..tutorial.ingress() };
    assert!(ask(&nobody).unwrap_err().contains(" 404 "));
    check("401 without the password, 404 for another host");

    let said = walk.follow(CHAPTER);
    let (redirect, body) = said.split_once('\n').unwrap();
    assert_eq!(redirect, "308 https://secure.localhost/");
    greeting(body);
    check("port 443: the certificate of the Secret; plain HTTP is sent there");

    let said = walk.follow(CHAPTER);
    let codes: Vec<&str> = said.lines().collect();
    assert_eq!(codes[0], "413");
    let (passed, refused) = (codes[1..].iter()).partition::<Vec<&str>, _>(|code| **code == "200");
    assert!(passed.len() >= 6 && !refused.is_empty(), "{codes:?}");
    assert!(refused.iter().all(|code| *code == "503"), "{codes:?}");
    check("413 for a large body, 503 for too many requests");
}

fn scale(tutorial: &Tutorial) {
    let said = tutorial.walk.follow("Scale");
    let greeted = said.lines().filter(|line| line.starts_with('{')).map(greeting);
    let pods = tutorial.names("greeter");
    assert_eq!((greeted.count(), pods.len()), (20, 5), "{said}");
    for target in tutorial.ways_in() {
        tutorial.answer(&target, &pods);
    }
    check("scaled to five, and each of them answers");

    let top = tutorial.walk.follow_soon("Scale");
    let node = top.lines().find(|line| line.contains("-worker2 ")).unwrap();
    let pod = top.lines().find(|line| line.starts_with("greeter-")).unwrap();
    for line in [node, pod] {
        let columns: Vec<&str> = line.split_whitespace().collect();
        assert!(columns[1].ends_with('m') && columns.iter().any(|c| c.ends_with("Mi")), "{line}");
    }
    check("kubectl top has numbers for nodes and pods");

    let burning: Value = serde_json::from_str(&tutorial.walk.follow("Scale")).unwrap();
    assert_eq!(burning["burning"], 300.0);
    tutorial.walk.follow("Scale");
    tutorial.copies("greeter", 3);
    tutorial.answer(&tutorial.ingress(), &tutorial.names("greeter"));
    check("scaled down again");
}

fn update_and_go_back(tutorial: &Tutorial) {
    const CHAPTER: &str = "Update and go back";
    let traffic = Traffic::start(&tutorial.ways_in());
    let rollout = Rollout::watch(&tutorial.lab, NAME, "greeter");
    for (what, version) in
        [("updated", "2.0"), ("rolled back", "1.0"), ("rolled back to a revision", "2.0")]
    {
        tutorial.walk.follow(CHAPTER);
        let pods = tutorial.names("greeter");
        for target in tutorial.ways_in() {
            tutorial.answer(&target, &pods);
            assert_eq!(greeting(&ask(&target).unwrap()).version, version);
        }
        check(&format!("{what}: {version} answers"));
    }
    let (fewest, most) = rollout.end();
    assert!(fewest >= 3 && most == 4, "between {fewest} available and {most} in all");
    check("never fewer than three were available, never more than four there");
    for bodies in traffic.end() {
        let versions: BTreeSet<String> = bodies.iter().map(|body| greeting(body).version).collect();
        assert_eq!(versions, ["1.0".to_owned(), "2.0".to_owned()].into());
    }
    check("no request failed meanwhile, of either way in");

    tutorial.copies("burner", 3);
    let said = tutorial.walk.follow(CHAPTER);
    assert!(said.contains("Deployment/burner"), "{said}");
    check("the autoscaler gave the busy Deployment more copies");
}

fn when_pods_fail(tutorial: &Tutorial) {
    const CHAPTER: &str = "When pods fail";
    let before = tutorial.names("greeter");
    tutorial.walk.follow(CHAPTER);
    tutorial.copies("greeter", 3);
    let pods = tutorial.names("greeter");
    assert_eq!((pods.len(), pods.intersection(&before).count()), (3, 2), "{before:?} {pods:?}");
    tutorial.answer(&tutorial.ingress(), &pods);
    check("a pod that is deleted is replaced");

    let first = pods.first().unwrap();
    tutorial.walk.follow(CHAPTER);
    let others = pods.iter().filter(|pod| *pod != first).cloned().collect();
    tutorial.ways_in().iter().for_each(|target| tutorial.answer(target, &others));
    tutorial.walk.follow(CHAPTER);
    tutorial.ways_in().iter().for_each(|target| tutorial.answer(target, &pods));
    check("a pod that is not ready gets no requests, until it is");

    tutorial.walk.follow(CHAPTER);
    eventually("the liveness probe", 90, || {
        let seen = tutorial.json(&["pod", first]);
        let container = &seen["status"]["containerStatuses"][0];
        match (container["restartCount"].as_u64(), container["ready"].as_bool()) {
            (Some(1), Some(true)) => Ok(()),
            _ => Err(container.to_string()),
        }
    });
    check("a pod that is stuck is restarted");
}

fn limits(tutorial: &Tutorial) {
    let given: Value = serde_json::from_str(json_line(&tutorial.walk.follow("Limits"))).unwrap();
    assert_eq!(given["requests"], serde_json::json!({"cpu": "20m", "memory": "32Mi"}));
    assert_eq!(given["limits"], serde_json::json!({"cpu": "200m", "memory": "64Mi"}));
    check("the LimitRange gives defaults");
    let refused = tutorial.walk.refused("Limits");
    assert!(refused.contains("maximum memory usage per Container is 256Mi"), "{refused}");
    check("it refuses a container that wants too much");
    let said = tutorial.walk.follow("Limits");
    assert!(said.contains("exceeded quota: tutorial") && said.contains("pods=10"), "{said}");
    check("the ResourceQuota refuses more pods than the namespace may have");
}

/// The line of an output that is an object.
fn json_line(said: &str) -> &str {
    let object = said.lines().find_map(|line| Some(&line[line.find('{')?..=line.rfind('}')?]));
    object.unwrap_or_else(|| panic!("{said}"))
}

fn empty_a_node(tutorial: &Tutorial) {
    const CHAPTER: &str = "Empty a node";
    let refused = tutorial.walk.refused(CHAPTER);
    assert!(refused.contains("violate the pod's disruption budget"), "{refused}");
    tutorial.copies("greeter", 2);
    check("a drain gives up where the PodDisruptionBudget allows none to go");

    let traffic = Traffic::start(&tutorial.ways_in());
    let rollout = Rollout::watch(&tutorial.lab, NAME, "greeter");
    let said = tutorial.walk.follow(CHAPTER);
    assert!(said.contains(&format!("node/{NAME}-worker drained")), "{said}");
    for pod in tutorial.pods("greeter") {
        assert_eq!(pod["spec"]["nodeName"], format!("{NAME}-worker2"));
    }
    tutorial.copies("greeter", 3);
    let (fewest, _) = rollout.end();
    assert!(fewest >= 2, "{fewest} were available");
    traffic.end();
    check("a node is emptied one by one, two are available all the time, no request fails");
}

fn clean_up(tutorial: &Tutorial) {
    tutorial.walk.follow("Clean up");
    assert!(!IMAGES.iter().any(|image| has_image(image)));
    assert!(containers_of(NAME).is_empty());
    assert!(ask(&tutorial.ingress()).is_err());
    check("nothing is left: no image, no cluster, and nobody answers");
}
