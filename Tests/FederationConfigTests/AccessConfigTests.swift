import FederationCore
import Testing

@testable import FederationConfig

/// What may be listened on and sent where, by what else the configuration says.
@Suite struct AccessConfigTests {
    private func openings(_ text: String, hasEnvironmentKey: Bool = false) throws -> [String] {
        let decoded = try Config.decode(Array(("name: alpha\n" + text).utf8)).get()
        return decoded.openings(hasEnvironmentKey: hasEnvironmentKey).map { problem in
            switch problem.reason {
            case .openWithoutTLS: "\(problem.path) without TLS"
            case .monitorInClear: "\(problem.path) in clear"
            case .openWithoutKey: "\(problem.path) without a key"
            case .openWithoutName: "\(problem.path) without a name"
            case .keyInClear: "\(problem.path) in clear"
            case .pageWithoutTLS: "\(problem.path) without TLS"
            case .pageWithoutKey: "\(problem.path) without a key"
            default: "\(problem)"
            }
        }
    }

    @Test(arguments: [
        ("listen: 127.0.0.1:4001", []),
        ("listen: 127.8.9.1:4001", []),
        ("listen: '[::1]:4001'", []),
        ("listen: 192.168.1.5:4001", ["listen without TLS"]),
        // A mapped address is not this machine's to the system that binds it.
        ("listen: '[::ffff:127.0.0.1]:4001'", ["listen without TLS"]),
        ("listen: 0.0.0.0:4001", ["listen without a name", "listen without TLS"]),
        ("listen: '[::]:4001'\naccess: {allow_open: true}", ["listen without a name"]),
        ("listen: 0.0.0.0:4001\nhosts: [alpha.lan]\naccess: {allow_open: true}", []),
        // A key alone does not make clear text right.
        ("listen: 192.168.1.5:4001\naccess: {shared_key_file: k}", ["listen without TLS"]),
        // Nothing under 'tls:' would encrypt it.
        ("monitor: {listen: '192.168.1.5:9469'}\nhosts: [alpha.lan]", ["monitor.listen in clear"]),
        ("monitor: {listen: '192.168.1.5:9469'}\naccess: {allow_open: true}", []),
        ("tls: {listen: '192.168.1.5:4443', certificate: c, key: k}", ["tls.listen without a key"]),
        ("tls: {listen: '127.0.0.1:4443', certificate: c, key: k}", []),
        ("tls: {listen: '192.168.1.5:4443', certificate: c, key: k}\naccess: {shared_key_file: k}", []),
        ("tls: {listen: '192.168.1.5:4443', certificate: c, key: k, client_ca: a}", []),
        ("tls: {listen: '192.168.1.5:4443', certificate: c, key: k}\naccess: {allow_open: true}", []),
        (
            "tls: {listen: '192.168.1.5:4443', certificate: c, key: k}\npeers: [{name: b, endpoint: 'https://b', key_file: k}]",
            []
        ),
        ("access: {shared_key_file: k}\npeers: [{name: b, endpoint: 'http://b.lan:4001'}]", ["peers[0].endpoint in clear"]),
        ("access: {shared_key_file: k}\npeers: [{name: b, endpoint: 'http://127.0.0.1:4001'}]", []),
        ("access: {shared_key_file: k}\npeers: [{name: b, endpoint: 'http://localhost:4001'}]", []),
        ("access: {shared_key_file: k}\npeers: [{name: b, endpoint: 'https://b.lan:4001'}]", []),
        ("access: {shared_key_file: k, allow_open: true}\npeers: [{name: b, endpoint: 'http://b.lan:4001'}]", []),
        ("peers: [{name: b, endpoint: 'http://b.lan:4001'}]", []),
        ("peers: [{name: b, endpoint: 'http://b.lan:4001', key_file: k}]", ["peers[0].endpoint in clear"]),
    ] as [(String, [String])])
    func doorsAreOpenOnlyWhereItWasSaid(_ text: String, _ found: [String]) throws {
        #expect(try openings(text) == found)
    }

    @Test(arguments: [
        ("page: {listen: '127.0.0.1:8470'}", []),
        ("page: {listen: '[::1]:8470', key_file: p}", []),
        // Whoever is on this machine is asked for a key elsewhere.
        ("page: {listen: '127.0.0.1:8470'}\naccess: {shared_key_file: k}", ["page.listen without a key"]),
        ("page: {listen: '127.0.0.1:8470', key_file: p}\naccess: {shared_key_file: k}", []),
        ("page: {listen: '127.0.0.1:8470'}\npeers: [{name: b, endpoint: 'https://b', key_file: k}]", ["page.listen without a key"]),
        ("page: {listen: '192.168.1.5:8470'}", ["page.listen without a key"]),
        ("page: {listen: '192.168.1.5:8470', key_file: p}", ["page.listen without TLS"]),
        ("page: {listen: '192.168.1.5:8470', key_file: p, tls: true}\ntls: {certificate: c, key: k}", []),
        ("page: {listen: '192.168.1.5:8470', tls: true}\ntls: {certificate: c, key: k}", ["page.listen without a key"]),
        // What opens everything else opens no page without a key.
        ("page: {listen: '192.168.1.5:8470'}\naccess: {allow_open: true}", ["page.listen without a key"]),
        ("page: {listen: '192.168.1.5:8470', key_file: p}\naccess: {allow_open: true}", []),
        ("page: {listen: '0.0.0.0:8470', key_file: p}\naccess: {allow_open: true}", ["page.listen without a name"]),
    ] as [(String, [String])])
    func thePageIsOpenOnThisMachineAlone(_ text: String, _ found: [String]) throws {
        #expect(try openings(text) == found)
    }

    @Test func aKeyOfTheEnvironmentIsAKey() throws {
        let tls = "tls: {listen: '192.168.1.5:4443', certificate: c, key: k}"
        #expect(try openings(tls, hasEnvironmentKey: true) == [])
        let clear = "peers: [{name: b, endpoint: 'http://b.lan:4001'}]"
        #expect(try openings(clear, hasEnvironmentKey: true) == ["peers[0].endpoint in clear"])
    }

    /// The listener of the old text stands until a restart, and the keys of the new one count at once.
    @Test func whatWouldRunAfterAReloadIsJudgedToo() throws {
        func decoded(_ text: String) throws -> DecodedConfig { try Config.decode(Array(("name: alpha\n" + text).utf8)).get() }
        let old = try decoded("tls: {listen: '192.168.1.5:4443', certificate: c, key: k}\naccess: {shared_key_file: k}")
        let new = try decoded("tls: {listen: '127.0.0.1:4443', certificate: c, key: k}")
        #expect(new.openings(hasEnvironmentKey: false).isEmpty)
        var running = new
        running.config = ConfigDifference(from: old.config, to: new.config).running
        #expect(running.openings(hasEnvironmentKey: false).map(\.reason) == [.openWithoutKey(try ListenAddress("192.168.1.5:4443"))])
    }

    @Test(arguments: [
        ("tls: {certificate: c}", ConfigProblem.Reason.needsBeside("key")),
        ("tls: {key: c}", .needsBeside("certificate")),
        ("tls: {client_ca: c, certificate: c, key: k}", .needsBeside("listen")),
        ("tls: {client_certificate: c}", .needsBeside("client_key")),
        ("page: {key_file: p}", .needsBeside("listen")),
        ("page: {listen: '127.0.0.1:1', tls: true}", .needsBeside("tls.certificate")),
        ("access: {proxies: [proxy.lan]}", .notAnAddress("proxy.lan")),
        ("peers: [{name: b, endpoint: 'https://b', tls_pin: 'sha256:00'}]", .notAPin("sha256:00")),
    ])
    func halfOfItIsAProblem(_ text: String, _ reason: ConfigProblem.Reason) {
        guard case .failure(let found) = Config.decode(Array(("name: alpha\n" + text).utf8)) else {
            Issue.record("no problem was found")
            return
        }
        #expect(found.problems.map(\.reason) == [reason])
    }

    @Test func everyKeyIsRead() throws {
        let pin = String(repeating: "ab", count: 32)
        let config = try Config.decode(Array("""
            name: alpha
            access:
              shared_key_file: ring.key
              proxies: [10.0.0.1, 'fd00:0::1']
            tls:
              listen: 127.0.0.1:4443
              certificate: c.pem
              key: k.pem
              client_ca: ca.pem
              client_certificate: me.pem
              client_key: me.key
            peers:
              - name: beta
                endpoint: https://beta
                key_file: beta.key
                ca: beta-ca.pem
                tls_pin: sha256:\(pin)
            """.utf8)).get().config
        #expect(config.access.sharedKeyFile == "ring.key")
        #expect(config.access.proxies == ["10.0.0.1", "fd00::1"])
        #expect(!config.access.allowOpen)
        #expect(config.tls.listen?.description == "127.0.0.1:4443")
        #expect([config.tls.certificate, config.tls.key, config.tls.clientAuthority] == ["c.pem", "k.pem", "ca.pem"])
        #expect([config.tls.clientCertificate, config.tls.clientKey] == ["me.pem", "me.key"])
        #expect(config.peers[0].keyFile == "beta.key")
        #expect(config.peers[0].authority == "beta-ca.pem")
        #expect(config.peers[0].tlsPin?.hex == pin)
    }
}
