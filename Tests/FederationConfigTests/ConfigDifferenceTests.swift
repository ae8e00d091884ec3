import FederationCore
import Testing

@testable import FederationConfig

@Suite struct ConfigDifferenceTests {
    private static func config(_ text: String) throws -> Config { try decoded(text).config }

    private let base = """
        name: alpha
        listen: 127.0.0.1:4001
        peers:
          - {name: beta, endpoint: "http://b"}
          - {name: gamma, endpoint: "http://c", interval: 5m}

        """

    private func difference(_ change: (String) -> String) throws -> ConfigDifference {
        ConfigDifference(from: try Self.config(base), to: try Self.config(change(base)))
    }

    @Test func theSameTextIsNoDifferenceNorAreOtherCommentsOrAnotherOrder() throws {
        #expect(try difference { $0 }.isEmpty)
        let other = try difference { _ in
            """
            # new comment
            peers:
              - name: gamma
                interval: 5m
                endpoint: http://c/
              - name: beta
                mode: sync
                endpoint: http://b
            listen: 127.0.0.1:4001
            interval: 30s
            name: alpha

            """
        }
        #expect(other.isEmpty && other.needsRestart.isEmpty)
    }

    @Test func aPeerThatComesOrCanBeAskedFromNowOnIsAnotherPoller() throws {
        let id = "01KNJX4991ASW6NNKS9BQHNCGB"
        for (old, new) in [("endpoint: \"http://b\"", "id: \(id)"), ("endpoint: \"http://b\"", "endpoint: \"http://b\", id: \(id)")] {
            let found = try difference { $0.replacing(old, with: new) }
            #expect(found.changed.map(\.peer.name) == ["beta"])
            #expect(found.changed[0].needsAnotherPoller == found.running.peers[0].comesToUs)
        }
    }

    /// They read alike where arguments are put one behind the other.
    @Test func otherArgumentsAreAnotherProgram() throws {
        func with(_ command: String) -> String { "replayers:\n  - {name: table, replayer: exec, command: \(command)}\n" + base }
        let found = ConfigDifference(from: try Self.config(with("[python3 r.py]")), to: try Self.config(with("[python3, r.py]")))
        #expect(found.node.map(\.key.rawValue) == ["replayers"] && found.node.first?.from != found.node.first?.to)
    }

    @Test(arguments: [
        ("name", "name: omega"), ("hosts", "hosts: [x.example]"), ("mode", "mode: publish"), ("interval", "interval: 5s"),
        ("quarantine_after", "quarantine_after: 7"), ("log.level", "log: {level: debug}"),
        ("store.max_size", "store: {max_size: 2GB}"), ("access.shared_key_file", "access: {shared_key_file: k}"),
        ("access.allow_open", "access: {allow_open: true}"), ("access.proxies", "access: {proxies: [10.0.0.1]}"),
    ])
    func aLiveKeyOfTheNodeIsTakenIn(key: String, line: String) throws {
        let found = try difference { key == "name" ? $0.replacing("name: alpha", with: line) : "\(line)\n\($0)" }
        #expect(found.node.map(\.key.rawValue) == [key])
        #expect(found.needsRestart.isEmpty && found.added.isEmpty && found.removed.isEmpty && found.changed.isEmpty)
        let before = try Self.config(base)
        #expect(found.running != before)
        #expect(found.node.allSatisfy { $0.from != $0.to })
    }

    @Test func whatIsHeldOpenIsNamedAndStays() throws {
        let found = try difference { "data: elsewhere\n" + $0.replacing("4001", with: "4009") }
        #expect(found.needsRestart.map(\.key) == [.data, .listen])
        #expect(found.needsRestart.map(\.to) == ["elsewhere", "127.0.0.1:4009"])
        #expect(found.isEmpty)
        let before = try Self.config(base)
        #expect(found.running == before)
    }

    @Test func certificatesAreTakenInButNotWhereTheyAreServed() throws {
        let found = try difference { "tls: {listen: '127.0.0.1:4443', certificate: c, key: k, client_ca: a}\n" + $0 }
        #expect(found.node.map(\.key) == [.tlsCertificate, .tlsKey, .clientAuthority])
        #expect(found.needsRestart.map(\.key) == [.tlsListen])
        #expect(found.running.tls.listen == nil)
        let shown = try difference { "tls: {client_certificate: c, client_key: k}\n" + $0 }
        #expect(shown.node.map(\.key) == [.clientCertificate, .clientKey])
    }

    @Test func peersComeGoAndChangeEachByItself() throws {
        let found = try difference { _ in
            """
            name: alpha
            listen: 127.0.0.1:4001
            peers:
              - {name: gamma, endpoint: "http://c", interval: 6m}
              - {name: delta, endpoint: "http://d"}

            """
        }
        #expect(found.added.map(\.name) == ["delta"])
        #expect(found.removed.map(\.name) == ["beta"])
        #expect(found.changed.map(\.peer.name) == ["gamma"])
        #expect(found.changed.first?.keys == [.init(key: .interval, from: "5m", to: "6m")])
        #expect(found.node.isEmpty && !found.isEmpty)
    }

    @Test(arguments: [
        ("endpoint", "endpoint: \"http://x\"", true), ("mode", "mode: publish", false), ("mode", "paused: true", false),
        ("wire", "wire: noema", true), ("interval", "interval: 9s", false), ("timeout", "timeout: 9s", true),
        ("id", "id: 01KNJX4991ASW6NNKS9BQHNCGB", false), ("verify", "verify: off", false),
        ("pubkey", "pubkey: \"ed25519:A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=\"", false),
        ("key_file", "key_file: k", false), ("ca", "ca: c", false),
        ("tls_pin", "tls_pin: 'sha256:\(String(repeating: "ab", count: 32))'", false),
    ])
    func ofAPeerOnlyTheWayToItNeedsAnotherPoller(key: String, entry: String, isAnother: Bool) throws {
        let found = try difference { base in
            key == "endpoint"
                ? base.replacing("endpoint: \"http://b\"", with: entry) : base.replacing("name: beta", with: "name: beta, \(entry)")
        }
        #expect(found.changed.map(\.peer.name) == ["beta"])
        #expect(found.changed.first?.keys.map(\.key.rawValue) == [key])
        #expect(found.changed.first?.needsAnotherPoller == isAnother)
        #expect(found.added.isEmpty && found.removed.isEmpty && found.node.isEmpty)
    }

    /// Whoever adds a key has to say here whether a running node can take its change.
    @Test func everyKeyIsDecidedUpon() throws {
        let node = Mirror(reflecting: Config(name: "a")).children.compactMap(\.label)
        let nodeKeys = ConfigDifference.NodeKey.allCases.map { key in
            // A key of a mapping within is the mapping's.
            key.rawValue.contains(".") ? String(key.rawValue.prefix { $0 != "." }) : "\(key)"
        }
        #expect(Set(node) == Set(nodeKeys + ["peers"]))
        let peer = Mirror(reflecting: try Config.Peer(name: "a", endpoint: Endpoint("http://a"))).children.compactMap(\.label)
        #expect(Set(peer) == Set(ConfigDifference.PeerKey.allCases.map { "\($0)" } + ["name", "resumesAs"]))
    }
}

@Suite struct LineDiffTests {
    private func lines(_ old: String, _ new: String) -> [String] { LineDiff(from: Array(old.utf8), to: Array(new.utf8)).lines }

    @Test func whatIsAsItWasIsNotShown() {
        #expect(lines("a\nb\n", "a\nb\n") == [])
        #expect(lines("", "") == [])
    }

    @Test func aLineIsShownBetweenTwoLinesOfItsNeighbourhood() {
        let old = (1...9).map { "\($0)\n" }.joined()
        #expect(lines(old, old.replacing("5\n", with: "x\n")) == ["@@ -3,5 +3,5 @@", " 3", " 4", "-5", "+x", " 6", " 7"])
        #expect(lines(old, old.replacing("1\n", with: "")) == ["@@ -1,3 +1,2 @@", "-1", " 2", " 3"])
        #expect(lines(old, old + "10\n") == ["@@ -8,2 +8,3 @@", " 8", " 9", "+10"])
    }

    @Test func placesFarApartAreHunksOfTheirOwn() {
        let old = (1...20).map { "\($0)\n" }.joined()
        let new = old.replacing("\n2\n", with: "\n").replacing("\n18\n", with: "\nx\ny\n")
        #expect(lines(old, new) == [
            "@@ -1,4 +1,3 @@", " 1", "-2", " 3", " 4", "@@ -16,5 +15,6 @@", " 16", " 17", "-18", "+x", "+y", " 19", " 20",
        ])
    }

    @Test func aMissingBreakIsSaid() {
        #expect(lines("a", "a\n") == ["@@ -1,1 +1,1 @@", "-a", "\\ no line break at the end", "+a"])
        #expect(lines("a\r\nb\r\n", "a\r\n") == ["@@ -1,2 +1,1 @@", " a", "-b"])
    }

    /// Carrying the shown steps out gives the new text.
    @Test func theShownLinesLeadFromOneTextToTheOther() {
        var random = SeededNumbers(state: 7)
        for _ in 0..<500 {
            let old = (0..<Int.random(in: 1...30, using: &random)).map { _ in "\(Int.random(in: 0..<9, using: &random))" }
            var new = old
            for _ in 0..<Int.random(in: 1...4, using: &random) where !new.isEmpty {
                let at = new.indices.randomElement(using: &random) ?? 0
                if Bool.random(using: &random) { new.remove(at: at) } else { new.insert("x", at: at) }
            }
            var rest = old[...]
            var made: [String] = []
            for line in lines(old.map { $0 + "\n" }.joined(), new.map { $0 + "\n" }.joined()) {
                switch line.first {
                case "@":
                    let start = Int(line.dropFirst(4).prefix { $0 != "," }) ?? 0
                    while old.count - rest.count < start - 1 { made.append(rest.removeFirst()) }
                case "-": #expect(rest.removeFirst() == line.dropFirst())
                case "+": made.append(String(line.dropFirst()))
                default:
                    #expect(rest.first.map { $0 == line.dropFirst() } ?? false)
                    made.append(rest.removeFirst())
                }
            }
            #expect(made + rest == new)
        }
    }
}
