import FederationConfig
import FederationCore

/// A configuration, every edit that a command makes to it, and what an edit leaves alone.
enum YAMLConfig: Fuzzer {
    static let name = "yaml-config"

    static func take(_ bytes: [UInt8]) {
        switch Config.decode(bytes) {
        case .failure(let problems):
            require(!problems.problems.isEmpty, "a failure without a problem")
            for line in problems.lines(in: "f") {
                require(!line.utf8.contains { $0 < 0x20 || $0 == 0x7F }, "a control character in a problem")
            }
        case .success(let decoded):
            require(bytes.count <= Limits.configBytes, "a text past its bound")
            require(decoded.config.peers.count <= Limits.configPeers, "peers past their bound")
            guard let editor = try? ConfigEditor(bytes) else { fail("what can be read cannot be edited") }
            edit(editor, bytes, decoded.config)
        }
    }

    private static let omega = (try? Endpoint("http://[::1]:4999/x")).map { Config.Peer(name: "omega", endpoint: $0) }

    private static func edit(_ editor: ConfigEditor, _ bytes: [UInt8], _ config: Config) {
        if let omega, let added = try? editor.appending(omega) {
            keepsComments(bytes, added)
            guard let config = read(added), let again = try? ConfigEditor(added) else { return }
            require(config.peers.last?.name == "omega", "a peer that is not the last")
            if let removed = try? again.removing(peer: "omega") {
                require(read(removed) == editor.config, "a peer that came and went leaves something behind")
            }
        }
        if let renamed = try? editor.renaming(to: "other-name") {
            keepsComments(bytes, renamed)
            require(read(renamed)?.name == "other-name", "another name than asked")
        }
        if let moded = try? editor.setting(mode: .publish) {
            keepsComments(bytes, moded)
            require(read(moded)?.mode == .publish, "another mode than asked")
        }
        guard let peer = config.peers.first else { return }
        if let paused = try? editor.pausing(peer: peer.name) {
            keepsComments(bytes, paused)
            require(read(paused)?.peers.first?.mode == .paused, "a peer that is not paused")
            if peer.mode != .paused, let resumed = try? ConfigEditor(paused).resuming(peer: peer.name) {
                require(read(resumed) == editor.config, "pausing and resuming is not nothing")
            }
        }
        if let removed = try? editor.removing(peer: peer.name) {
            require(read(removed)?.peers.count == config.peers.count - 1, "another peer than asked")
        }
    }

    private static func read(_ bytes: [UInt8]) -> Config? {
        guard case .success(let decoded) = Config.decode(bytes) else { fail("an edit made a text that is none") }
        return decoded.config
    }

    /// Every line that is a comment stays, in order. (To YAML a CR ends a line as well.)
    private static func keepsComments(_ old: [UInt8], _ new: [UInt8]) {
        func comments(_ text: [UInt8]) -> [ArraySlice<UInt8>] {
            text.split { $0 == 0x0A || $0 == 0x0D }.filter { $0.first { $0 != 0x20 } == 0x23 }
        }
        var left = comments(new)[...]
        for line in comments(old) {
            guard let place = left.firstIndex(where: { $0.elementsEqual(line) }) else {
                fail("an edit took a comment away")
            }
            left = left[(place + 1)...]
        }
        let difference = LineDiff(from: old, to: new)
        require(difference.added + difference.removed > 0 || old == new, "a difference that does not show")
    }

    static var seeds: [Seed] {
        get throws {
            let listen = try ListenAddress("127.0.0.1:4001")
            return [
                Seed("template", ConfigTemplate.text(name: "alpha", listen: listen)),
                Seed("least", "name: alpha\n"),
                Seed(
                    "whole",
                    """
                    # us
                    name: alpha
                    data: "d\\u0061ta"
                    listen: 127.0.0.1:4001
                    hosts: [alpha.example]
                    mode: sync
                    interval: 30s
                    verify: enforce
                    log: {level: info}
                    store:
                      max_size: 2GB
                    access:
                      shared_key_file: ring.key
                      proxies: [127.0.0.1]
                    tls:
                      listen: 192.0.2.10:4443
                      certificate: cert.pem
                      key: key.pem
                    peers:
                      # the first
                      - name: beta   # b
                        endpoint: http://127.0.0.1:4002
                      - name: gamma
                        endpoint: https://gamma.example:8443/base
                        mode: subscribe
                        paused: false
                        wire: mesh
                        carry: records
                        timeout: 2m
                        id: 01KNJX4991ASW6NNKS9BQHNCGB
                        pubkey: ed25519:A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=
                        tls_pin: sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08

                    """),
                Seed(
                    "flow",
                    "{name: alpha, peers: [{name: b, endpoint: \"http://b\", mode: paused}], log: {level: debug}}"),
                Seed(
                    "windows",
                    "name: alpha\r\npeers:\r\n-\r\n  name: beta\r\n  endpoint: http://[::1]:4002\r\n# end\r\n"),
                Seed("block", "name: >-\n  alpha\npeers: []\n...\n"),
            ]
        }
    }
}

/// The front matter of a file, for our own files and for those of a cortex.
enum FrontMatterText: Fuzzer {
    static let name = "front-matter"

    static func take(_ bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        let lenient = FrontMatter.splitLeniently(text)
        switch FrontMatter.split(text) {
        case .success(let parts):
            require(parts.matter == lenient.matter && parts.body == lenient.body, "two readings of one text")
            require(isEnd(parts.body, of: text), "a body that is no end of its text")
        case .failure(let problems):
            require(!problems.problems.isEmpty, "a failure without a problem")
            require(lenient.body == text, "what is not understood is lost")
            for line in problems.lines(in: "f") {
                require(!line.utf8.contains { $0 < 0x20 || $0 == 0x7F }, "a control character in a problem")
            }
        }
        if let trace = NoemaTraceText(text) {
            require(isEnd(trace.body, of: text), "a body that is no end of its text")
        }
        _ = NoemaManifest(text)
    }

    private static func isEnd(_ body: String, of text: String) -> Bool {
        text.utf8.count >= body.utf8.count && text.utf8.suffix(body.utf8.count).elementsEqual(body.utf8)
    }

    static var seeds: [Seed] {
        get throws {
            [
                Seed(
                    "record",
                    "---\nid: 20260405-a\nbase: 01KN33X5G0000G40R40M30E209\ntitle: \"A: b\"\ntags: [x, y]\ntier: mid\n"
                        + "author: me\nderived_from:\n- z\n---\n\n# Heading\n\ntext\n"),
                Seed("windows", "---\r\ntitle: T\r\n---\r\n\r\nbody\r\n"), Seed("empty", "---\n---\nbody"),
                Seed("none", "# Just a heading\n"), Seed("unknown", "---\ntitle: t\ntagz: [x]\n---\nbody"),
                Seed(
                    "manifest",
                    "---\nid: 01KN33X5G0000G40R40M30E209\nname: c\nfederation:\n  peers:\n"
                        + "  - name: b\n    endpoint: http://b\n---\n"),
                Seed(
                    "trace",
                    "---\nid: a\norigin: o\nsource_hash: h\nsource_locked: true\n"
                        + "updated: 2026-01-01T00:00:00Z\n---\nbody"),
            ]
        }
    }
}
