import Testing

@testable import FederationCLI

/// What the recipes of package and image say to each other. `make test-deb` tries the package itself, in a fresh Debian.
@Suite struct PackagingTests {
    private func text(_ path: String) -> String {
        TestFile.text(#filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/" + path)
    }

    private func steps(of recipe: String, _ instruction: String) -> [String] {
        recipe.replacing("\\\n", with: "").split(separator: "\n").filter { $0.hasPrefix(instruction + " ") }
            .map { String($0.dropFirst(instruction.count + 1)) }
    }

    @Test func theImageIsMadeOfThePackageAndOfNothingElse() throws {
        let recipe = text("packaging/Containerfile")
        #expect(steps(of: recipe, "RUN").contains("make deb"))
        #expect(text("Makefile").contains("\ndeb: setup\n\tpackaging/deb\n"))
        #expect(text("packaging/deb").contains("\nout=.build/deb\n"))
        #expect(steps(of: recipe, "COPY").last == "--from=build /src/.build/deb/federation_*.deb /tmp/federation.deb")
        #expect(try #require(steps(of: recipe, "RUN").last).contains("apt-get install -y --no-install-recommends /tmp/federation.deb"))
        #expect(steps(of: recipe, "FROM") == ["docker.io/library/swift:6.3-bookworm AS build", "docker.io/library/debian:bookworm-slim"])
        // The user is the package's, and the commands are the program's.
        let user = try #require(text("packaging/debian/federation.sysusers").split(separator: " ").dropFirst().first)
        #expect(steps(of: recipe, "USER") == [String(user)])
        let check = try #require(steps(of: recipe, "HEALTHCHECK").first)
        let probe = try #require(allCommands.first { $0.name == "status" })
        #expect(check.hasSuffix(#"CMD ["federation", "status", "--brief"]"#) && probe.options.contains { $0.name == "--brief" })
        #expect(steps(of: recipe, "ENTRYPOINT") == [#"["/usr/bin/federation"]"#] && steps(of: recipe, "CMD") == [#"["run"]"#])
    }

    @Test func thePackageHoldsWhatTheProgramPrints() {
        let script = text("packaging/deb")
        for command in ["manual --into", "completion bash", "completion zsh", "completion fish", "service print"] {
            #expect(script.contains("\"$program\" \(command)"), "\(command)")
        }
        for place in [ConfigPlace.system, ConfigPlace.systemData] {
            #expect(text("packaging/debian/federation.dirs").contains(place.dropFirst()))
            #expect(text("packaging/debian/federation.postinst").contains(place))
        }
    }
}
