# shellcheck shell=bash
# quarkus-kind (Maven): Quarkus builds a Java application, an image of it, a
# manifest, loads the image with `kind load docker-image`, and deploys it.
VERSION=3.33.2

get() {
  need java openjdk-17-jdk-headless
  need jlink openjdk-17-jdk-headless
  need mvn maven
  step "packages of Quarkus, by building the application once"
  application
  # Every build ends with `kind load`.
  mkdir -p "$CLIENT/bin"
  ln -sf "$(type -P true)" "$CLIENT/bin/kind"
  PATH=$CLIENT/bin:$PATH maven package
  [ -x "$CLIENT/root/java/bin/java" ] || java_root
}
# Without its stack traces and hints, what was wrong is the last line.
maven() {
  (cd "$CLIENT" && mvn --batch-mode --no-transfer-progress --quiet -Dstyle.color=never "-Dmaven.repo.local=$CLIENT/m2" "$@") |
    sed -E '/^\[ERROR\] *(at |\.\.\.|->|To see|Re-run|For more|\[Help|$)/d'
}

application() {
  cat >"$CLIENT/pom.xml" <<XML
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>skiff-test</groupId>
  <artifactId>app</artifactId>
  <version>1</version>
  <properties>
    <maven.compiler.source>17</maven.compiler.source>
    <maven.compiler.target>17</maven.compiler.target>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
  </properties>
  <dependencyManagement>
    <dependencies>
      <dependency>
        <groupId>io.quarkus</groupId>
        <artifactId>quarkus-bom</artifactId>
        <version>$VERSION</version>
        <type>pom</type>
        <scope>import</scope>
      </dependency>
    </dependencies>
  </dependencyManagement>
  <dependencies>
    <dependency><groupId>io.quarkus</groupId><artifactId>quarkus-kind</artifactId></dependency>
    <dependency><groupId>io.quarkus</groupId><artifactId>quarkus-container-image-docker</artifactId></dependency>
  </dependencies>
  <build>
    <plugins>
      <plugin>
        <groupId>io.quarkus</groupId>
        <artifactId>quarkus-maven-plugin</artifactId>
        <version>$VERSION</version>
        <extensions>true</extensions>
        <executions><execution><goals><goal>build</goal></goals></execution></executions>
      </plugin>
    </plugins>
  </build>
</project>
XML
  mkdir -p "$CLIENT/src/main/java" "$CLIENT/src/main/docker"
  cat >"$CLIENT/src/main/java/App.java" <<'JAVA'
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.QuarkusApplication;
import io.quarkus.runtime.annotations.QuarkusMain;

@QuarkusMain
public class App implements QuarkusApplication {
    public int run(String... args) {
        System.out.println("built by Quarkus");
        Quarkus.waitForExit();
        return 0;
    }
}
JAVA
  cat >"$CLIENT/src/main/docker/Dockerfile.jvm" <<'DOCKER'
FROM skiff-test/java:17
COPY target/quarkus-app/ /app/
ENTRYPOINT ["/java/bin/java", "-jar", "/app/quarkus-run.jar"]
DOCKER
}

# This machine's Java with the libraries it needs: what its image is made of.
java_root() {
  local root=$CLIENT/root
  step "Java for the image"
  rm -rf "$root"
  mkdir -p "$root/tmp"
  jlink --strip-debug --no-header-files --no-man-pages --output "$root/java" \
    --add-modules java.base,java.logging,java.management,java.naming,java.xml,java.desktop,jdk.unsupported,jdk.zipfs
  find "$root/java" -type f \( -name java -o -name '*.so' \) -exec ldd {} + 2>/dev/null |
    grep -oE '/[^ ]*/(ld-linux|lib(c|z|m|pthread|dl|rt|stdc\+\+|gcc_s))[-.0-9a-z_]*\.so[.0-9]*' | sort -u |
    grep -v "^$root" | xargs cp --parents --dereference --target-directory="$root"
}

check() {
  # It names no cluster: `kind load docker-image` looks at this variable.
  export KIND_CLUSTER_NAME=cl-quarkus DOCKER_BUILDKIT=0
  cluster cl-quarkus
  image skiff-test/java:17 "$CLIENT/root"
  later "docker rmi --force skiff-test/quarkus:1"
  kind create cluster
  usable cl-quarkus
  step "build, load and deploy"
  maven package -Dquarkus.kubernetes.deploy=true -Dquarkus.kubernetes.namespace=default -Dquarkus.container-image.group=skiff-test \
    -Dquarkus.container-image.name=quarkus -Dquarkus.container-image.tag=1
  step "the pod"
  kubectl rollout status deployment/app --timeout=90s || kubectl rollout status deployment/quarkus --timeout=1s
  eventually 30 says cl-quarkus deployment/app "built by Quarkus"
  kind delete cluster
  gone cl-quarkus
}
