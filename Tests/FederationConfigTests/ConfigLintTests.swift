import FederationCore
import Foundation
import Testing

@testable import FederationConfig

/// What legal settings come to.
@Suite struct ConfigLintTests {
    private static let id = "01KNJX4991ASW6NNKS9BQHNCGB"
    private static let key = "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

    private struct Case: Sendable {
        var kind: ConfigWarning.Kind
        var text: String
        /// Where it is said to stand.
        var path: String
        var known = LintKnowledge()
    }

    /// A peer's entry, and what stands before it.
    private static func peer(_ keys: String, _ before: String = "listen: 127.0.0.1:4001\n") -> String {
        "name: a\n\(before)peers:\n- {name: b, \(keys)}\n"
    }

    private static func known(_ change: (inout LintKnowledge) -> Void) -> LintKnowledge {
        var known = LintKnowledge()
        change(&known)
        return known
    }

    private static let cases: [Case] = [
        Case(kind: .endpointIsOurOwn, text: peer("endpoint: http://127.0.0.1:4001"), path: "peers[0].endpoint"),
        Case(kind: .nothingFlows, text: peer("endpoint: http://127.0.0.1:1, mode: subscribe", "listen: 127.0.0.1:4001\nmode: publish\n"), path: "peers[0].mode"),
        Case(kind: .nothingListens, text: peer("endpoint: http://127.0.0.1:1", "mode: publish\n"), path: "mode"),
        Case(kind: .nobodyCanCome, text: peer("id: \(id)", ""), path: "peers[0].endpoint"),
        Case(kind: .sameIdentity, text: peer("endpoint: http://127.0.0.1:1, id: \(id)") + "- {name: c, endpoint: http://127.0.0.1:2, id: \(id)}\n", path: "peers[1].id"),
        Case(kind: .verifyRelaxesNothing, text: peer("endpoint: http://127.0.0.1:1, verify: enforce"), path: "peers[0].verify"),
        Case(
            kind: .bothSidesLetNothingFlow, text: peer("endpoint: http://127.0.0.1:1", "listen: 127.0.0.1:4001\nmode: publish\n"), path: "peers[0].mode",
            known: known { $0.shownModes["b"] = .publish }),
        Case(kind: .peerServesNothing, text: peer("endpoint: http://127.0.0.1:1"), path: "peers[0].mode", known: known { $0.shownModes["b"] = .subscribe }),
        Case(kind: .ownIdentity, text: peer("endpoint: http://127.0.0.1:1, id: \(id)"), path: "peers[0].id", known: known { $0.own = ULID(id) }),
        Case(kind: .endpointIsNowhere, text: peer("endpoint: http://0.0.0.0:1", ""), path: "peers[0].endpoint"),
        Case(kind: .sameEndpoint, text: peer("endpoint: http://127.0.0.1:1") + "- {name: c, endpoint: http://localhost:1}\n", path: "peers[1].endpoint"),
        Case(kind: .sameListener, text: peer("endpoint: http://127.0.0.1:1", "listen: 127.0.0.1:4001\nmonitor: {listen: 127.0.0.1:4001}\n"), path: "monitor.listen"),
        Case(kind: .allPaused, text: peer("endpoint: http://127.0.0.1:1, mode: paused"), path: "peers"),
        Case(
            kind: .quotaIsPassed, text: peer("endpoint: http://127.0.0.1:1", "listen: 127.0.0.1:4001\nstore: {max_size: 1MB}\n"), path: "store.max_size",
            known: known { $0.databaseBytes = 2_000_000 }),
        Case(kind: .waitsForPerson, text: peer("endpoint: http://127.0.0.1:1, first_contact: ask"), path: "peers[0].first_contact"),
        Case(kind: .openInClear, text: peer("endpoint: http://127.0.0.1:1", "listen: 192.0.2.1:4001\naccess: {allow_open: true}\n"), path: "listen"),
        Case(
            kind: .openWithoutKey,
            text: peer("endpoint: http://127.0.0.1:1", "tls: {listen: '192.0.2.1:4001', certificate: c, key: k}\naccess: {allow_open: true}\n"), path: "tls.listen"),
        Case(kind: .monitorOpen, text: peer("endpoint: http://127.0.0.1:1", "monitor: {listen: '192.0.2.1:4001'}\naccess: {allow_open: true}\n"), path: "monitor.listen"),
        Case(kind: .keyInClear, text: peer("endpoint: http://192.0.2.1:1, key_file: k", "access: {allow_open: true}\n"), path: "peers[0].endpoint"),
        Case(kind: .plainHTTP, text: peer("endpoint: http://192.0.2.1:1", ""), path: "peers[0].endpoint"),
        Case(kind: .uncheckedWithoutTLS, text: peer("endpoint: http://127.0.0.1:1, ca: ca.pem"), path: "peers[0].ca"),
        Case(
            kind: .announcedAllows, text: peer("endpoint: http://127.0.0.1:1", "listen: 127.0.0.1:4001\naccess: {announced_allow: [169.254.0.0/16]}\n"),
            path: "access.announced_allow"),
        Case(kind: .keysWithoutVerify, text: peer("endpoint: http://127.0.0.1:1, pubkey: \(key)", "listen: 127.0.0.1:4001\nverify: off\n"), path: "verify"),
        Case(kind: .takesUnsigned, text: peer("endpoint: http://127.0.0.1:1, verify: off"), path: "peers[0].verify"),
        Case(kind: .dataIsTemporary, text: peer("endpoint: http://127.0.0.1:1", "data: /tmp/a\n"), path: "data"),
        Case(kind: .randomPort, text: peer("endpoint: http://127.0.0.1:1", "listen: 127.0.0.1:0\n"), path: "listen"),
        Case(kind: .allowOpenUnneeded, text: peer("endpoint: http://127.0.0.1:1", "access: {allow_open: true}\n"), path: "access.allow_open"),
        Case(kind: .onlyThisMachineReachesUs, text: peer("endpoint: https://192.0.2.1"), path: "listen"),
        Case(kind: .onlyThisMachineComes, text: peer("id: \(id)"), path: "peers[0].name"),
        Case(kind: .withoutListener, text: peer("endpoint: http://127.0.0.1:1", "hosts: [a.example]\n"), path: "hosts"),
        Case(kind: .clientCertificateUnused, text: peer("endpoint: http://127.0.0.1:1", "tls: {client_certificate: c, client_key: k}\n"), path: "tls.client_certificate"),
        Case(kind: .firstContactUnneeded, text: peer("endpoint: http://127.0.0.1:1, id: \(id), pubkey: \(key), first_contact: ask"), path: "peers[0].first_contact"),
        Case(kind: .alone, text: "name: a\npeers: []\n", path: "peers"),
        Case(kind: .seldomPolled, text: peer("endpoint: http://127.0.0.1:1, interval: 2h"), path: "peers[0].interval"),
    ]

    private func findings(_ text: String, _ known: LintKnowledge = LintKnowledge()) throws -> [ConfigWarning] {
        switch Config.decode(Array(text.utf8)) {
        case .success(let decoded): return decoded.findings(known)
        case .failure(let problems): throw problems
        }
    }

    @Test(arguments: ConfigLintTests.cases.indices)
    func eachIsFoundAtItsPlaceAndNothingElseIs(index: Int) throws {
        let one = ConfigLintTests.cases[index]
        let found = try findings(one.text, one.known)
        #expect(found.map(\.fact.kind) == [one.kind], "\(one.text)")
        #expect(found.first?.path.description == one.path)
        #expect(found.first.map { !$0.text.isEmpty && !$0.text.contains("\n") } ?? false)
    }

    @Test func eachKindHasItsCase() { #expect(Set(ConfigLintTests.cases.map(\.kind)) == Set(ConfigWarning.Kind.allCases)) }

    @Test func whoeverListensByTLSListens() throws {
        let tls = "tls: {listen: '127.0.0.1:4001', certificate: c, key: k}\n"
        let publishes = ConfigLintTests.peer("endpoint: http://127.0.0.1:1", tls + "mode: publish\n")
        #expect(try findings(publishes).isEmpty)
        #expect(try findings(ConfigLintTests.peer("endpoint: http://127.0.0.1:1, mode: publish", tls)).isEmpty)
        #expect(try findings(ConfigLintTests.peer("id: \(ConfigLintTests.id)", tls)).map(\.fact.kind) == [.onlyThisMachineComes])
    }

    @Test func peersOfBundlesNeedNoListener() throws {
        #expect(try findings(ConfigLintTests.peer("id: \(ConfigLintTests.id)", "")).map(\.severity) == [.notice])
    }

    @Test(arguments: [
        ("::1/128", [.loopback]), ("127.0.1.0/24", [.loopback]), ("126.0.0.0/7", [.loopback]), ("fd00:ec2::254/128", [.metadata]),
        ("100.100.100.200/32", [.metadata]), ("0.0.0.0/0", [.metadata, .loopback]), ("::/0", [.metadata, .loopback]), ("10.0.0.0/8", []),
        ("fd00:1::/64", []),
    ] as [(String, [AddressKind])])
    func addressesOfThisMachineAndOfCloudsAreNoticed(range: String, kinds: [AddressKind]) throws {
        let text = ConfigLintTests.peer("endpoint: http://127.0.0.1:1", "listen: 127.0.0.1:4001\naccess: {announced_allow: ['\(range)']}\n")
        #expect(try findings(text).map(\.fact) == kinds.map { .announcedAllows($0) })
    }

    @Test func whatIsKnownSettlesIt() throws {
        let both = ConfigLintTests.peer("endpoint: http://127.0.0.1:1", "listen: 127.0.0.1:4001\nmode: publish\n")
        #expect(try findings(both).isEmpty, "how the peer's node is set is not known")
        #expect(try findings(both, ConfigLintTests.known { $0.shownModes["b"] = .sync }).isEmpty)
        let asks = ConfigLintTests.peer("endpoint: http://127.0.0.1:1, first_contact: ask")
        #expect(try findings(asks, ConfigLintTests.known { $0.paired = ["b"] }).isEmpty)
        let clear = ConfigLintTests.peer("endpoint: http://192.0.2.1:1", "access: {allow_open: true}\n")
        #expect(try findings(clear, ConfigLintTests.known { $0.hasEnvironmentKey = true }).map(\.fact.kind) == [.keyInClear])
    }

    @Test func theyAreInTheOrderOfTheText() throws {
        let text = "name: a\ndata: /tmp/a\nlisten: 127.0.0.1:0\npeers:\n- {name: b, endpoint: http://0.0.0.0:1, verify: off}\n"
        let found = try findings(text)
        #expect(found.map(\.at) == found.map(\.at).sorted() && found.count > 4)
    }

    @Test func theDocumentListsThemAll() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let text = try String(contentsOf: root.appending(path: "docs/configuration.md"), encoding: .utf8)
        let section = try #require(text.components(separatedBy: "## What is noticed, but allowed").last)
        let rows = section.split(separator: "\n").filter { $0.hasPrefix("| `") }.map { row in
            row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
        }
        let written = rows.map { "\($0[0]) \($0[1])" }.sorted()
        #expect(written == ConfigWarning.Kind.allCases.map { "`\($0.rawValue)` \($0.severity.rawValue)" }.sorted())
    }
}
