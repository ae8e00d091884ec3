import FederationConfig
import FederationCore
import Testing

private struct HiveSettings: WireSettings {
    static let wire = WireName.hive
    var heartbeat = Duration.seconds(60)
    var group: String?

    init(reading entry: inout MappingReader) {
        heartbeat = entry.read("heartbeat", default: heartbeat, .duration(in: .seconds(1) ... .seconds(3600)))
        group = entry.optional("group", .name)
    }
}

private struct NoemaSettings: WireSettings {
    static let wire = WireName.noema
    var pages = 10

    init(reading entry: inout MappingReader) { pages = entry.read("pages", default: pages, .integer(in: 1...100)) }
}

@Suite struct WireSettingsTests {
    private let wires = WireRegistry(
        built: [.native, .noema, .hive], settings: [HiveSettings.self, NoemaSettings.self])

    private func text(_ keys: String) -> String { "name: a\npeers:\n- {name: b, endpoint: 'http://b', \(keys)}\n" }

    @Test func aWireReadsItsOwnKeysOfAnEntry() throws {
        let peer = try #require(
            try decoded(text("wire: hive, heartbeat: 5s, group: g"), wires: wires).config.peers.first)
        #expect(peer.settings(HiveSettings.self)?.heartbeat == .seconds(5))
        #expect(peer.settings(HiveSettings.self)?.group == "g")
        #expect(peer.settings(NoemaSettings.self) == nil)
    }

    @Test func whatIsNotSaidHasTheDefaultsOfTheWire() throws {
        let hive = try #require(try decoded(text("wire: hive"), wires: wires).config.peers.first)
        #expect(hive.settings(HiveSettings.self)?.heartbeat == .seconds(60))
        let native = try #require(try decoded(text("wire: native"), wires: wires).config.peers.first)
        #expect(native.settings(NoemaSettings.self) == nil)
    }

    @Test func autoTakesTheKeysOfEachWireThatItTries() throws {
        let peer = try #require(try decoded(text("pages: 7"), wires: wires).config.peers.first)
        #expect(peer.settings(NoemaSettings.self)?.pages == 7)
        #expect(peer.settings(HiveSettings.self) == nil)
    }

    @Test func keysOfAnotherWireAreUnknownAndSlipsAreNoticed() {
        #expect(problems(text("wire: noema, heartbeat: 5s"), wires: wires).count == 1)
        #expect(
            problems(text("wire: hive, hartbeat: 5s"), wires: wires).map(\.line) == [
                "federation.yaml:3:47: peers[0]: unknown key 'hartbeat', did you mean 'heartbeat'?"
            ])
        #expect(
            problems(text("wire: hive, heartbeat: 2h"), wires: wires).map(\.line) == [
                "federation.yaml:3:58: peers[0].heartbeat: must be from 1s to 1h"
            ])
    }

    @Test func theKeysOfAWireThatIsNotBuiltAreNotHeldAgainstIt() {
        #expect(
            problems(text("wire: mesh, documents: [x], intervall: 3s"), wires: wires).map(\.reason) == [
                .wireNotBuilt(.mesh, built: [.native, .noema, .hive]),
                .unknownKey(
                    "intervall",
                    known: [
                        "ca", "endpoint", "first_contact", "id", "interval", "key_file", "mode", "name", "paused", "pubkey", "timeout",
                        "tls_pin", "verify", "wire",
                    ]),
            ])
        #expect(
            problems(text("wire: nativ")).map(\.line) == [
                "federation.yaml:3:41: peers[0].wire: expected auto, native, noema, hive, neotoma, mesh or artifacts, "
                    + "not 'nativ'; did you mean 'native'?"
            ])
    }

    @Test func configurationsAreEqualWhenTheSettingsAre() throws {
        let a = try decoded(text("pages: 7"), wires: wires).config
        #expect(try decoded(text("'pages': '7'"), wires: wires).config == a)
        #expect(try decoded(text("pages: 8"), wires: wires).config != a)
    }

    @Test func aPeerCanBeAddedThoughItsWireHasSettings() throws {
        let editor = try ConfigEditor(Array(text("pages: 7").utf8), wires: wires)
        let peer = Config.Peer(name: "c", endpoint: try Endpoint("http://c"))
        let config = try Config.decode(try editor.appending(peer), wires: wires).get().config
        #expect(config.peers.map { $0.settings(NoemaSettings.self)?.pages } == [7, 10])
    }
}
