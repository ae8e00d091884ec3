import FederationCore
import Testing

@testable import FederationConfig

/// What a command does to a configuration, and what must come of it.
enum Edit: Hashable, Sendable {
    case remove(String), pause(String), resume(String)
    case peerMode(NodeMode, String)
    case nodeMode(NodeMode)
    case rename(String)

    /// Every edit that makes sense of this configuration.
    static func all(of config: Config) -> [Edit] {
        var edits: [Edit] = NodeMode.allCases.map { .nodeMode($0) } + [.rename("omega"), .rename("0777")]
        for peer in config.peers {
            edits += [.remove(peer.name), .pause(peer.name), .resume(peer.name)]
            edits += NodeMode.allCases.map { .peerMode($0, peer.name) }
        }
        return edits
    }

    func carriedOut(on text: [UInt8]) throws(ConfigEditFailure) -> [UInt8] {
        let editor = try ConfigEditor(text)
        return switch self {
        case .remove(let peer): try editor.removing(peer: peer)
        case .pause(let peer): try editor.pausing(peer: peer)
        case .resume(let peer): try editor.resuming(peer: peer)
        case .peerMode(let mode, let peer): try editor.setting(mode: mode, ofPeer: peer)
        case .nodeMode(let mode): try editor.setting(mode: mode)
        case .rename(let name): try editor.renaming(to: name)
        }
    }

    /// The configuration that the edited text must say, and nothing else.
    func wanted(of config: Config) -> Config {
        var config = config
        func change(_ name: String, _ body: (inout Config.Peer) -> Void) {
            for index in config.peers.indices where config.peers[index].name == name { body(&config.peers[index]) }
        }
        switch self {
        case .remove(let name): config.peers.removeAll { $0.name == name }
        case .pause(let name):
            change(name) { if $0.mode != .paused { ($0.mode, $0.resumesAs) = (.paused, $0.mode) } }
        case .resume(let name):
            change(name) { if $0.mode == .paused { ($0.mode, $0.resumesAs) = ($0.resumesAs, .sync) } }
        case .peerMode(let mode, let name):
            change(name) {
                let mode = PeerMode(rawValue: mode.rawValue) ?? .sync
                if $0.mode == .paused { $0.resumesAs = mode } else { $0.mode = mode }
            }
        case .nodeMode(let mode): config.mode = mode
        case .rename(let name): config.name = name
        }
        return config
    }
}

@Suite struct ConfigEditsTests {
    /// Where the text is changed and where it is not, spelled out.
    static let layouts: [(Edit, Layout)] = [
        (.remove("beta"), Layout("the first of a block list", """
            name: alpha
            peers:
              # the first
            ⟨  - name: beta   # b
                # its address
                endpoint: http://b
                # interval: 10s
            ⟩  # the second
              - name: gamma
                endpoint: http://c

            """)),
        (.remove("gamma"), Layout("the last of a list not indented", """
            name: alpha
            peers:
            - name: beta
              endpoint: http://b
            ⟨- name: gamma
              endpoint: http://c
              # was slow
            ⟩# what follows is about logs
            log: {level: debug}

            """)),
        (.remove("beta"), Layout("the only one", """
            name: alpha
            peers:« []»  # them
            ⟨  - name: beta
                endpoint: http://b
            ⟩mode: sync

            """)),
        (.remove("gamma"), Layout("blank lines between", """
            name: alpha
            peers:
              - name: beta
                endpoint: http://b

            ⟨  - name: gamma
                endpoint: http://c

            ⟩  - name: delta
                endpoint: http://d

            """)),
        (.remove("gamma"), Layout("no line break at the end",
            "name: alpha\npeers:\n  - name: beta\n    endpoint: http://b⟨\n  - name: gamma\n    endpoint: http://c⟩")),
        (.remove("beta"), Layout("a dash on a line of its own", """
            name: alpha
            peers:
            ⟨  -
                name: beta
                endpoint: http://b
            ⟩  -
                name: gamma
                endpoint: http://c

            """)),
        (.remove("beta"), Layout("the first of a flow list",
            "name: alpha\npeers: [⟨{name: beta, endpoint: http://b}, ⟩{name: gamma, endpoint: http://c}]\n")),
        (.remove("gamma"), Layout("the last of a flow list",
            "name: alpha\npeers: [{name: beta, endpoint: http://b}⟨, {name: gamma, endpoint: http://c}⟩ ] # x\n")),
        (.remove("beta"), Layout("the only one of a flow list, with a comma",
            "name: alpha\npeers: [⟨{name: beta, endpoint: http://b},⟩ ]\n")),
        (.remove("gamma"), Layout("the last line of a flow list as JSON has it", """
            {"name": "alpha", "peers": [
              {"name": "beta", "endpoint": "http://b"}⟨,⟩
            ⟨  {"name": "gamma", "endpoint": "http://c"}
            ⟩]}

            """)),
        (.remove("beta"), Layout("a line of a flow list with its comment", """
            name: alpha
            peers: [
            ⟨  {name: beta,
               endpoint: http://b},  # b
            ⟩  {name: gamma, endpoint: http://c},  # c
            ]

            """)),
        (.remove("beta"), Layout("Windows line ends",
            "name: alpha\r\npeers:\r\n⟨  - name: beta\r\n    endpoint: http://b\r\n⟩  - name: gamma\r\n    endpoint: http://c\r\n")),
        (.pause("beta"), Layout("a mode behind the endpoint", """
            name: alpha
            peers:
              - name: beta
                endpoint: http://b   # on this machine
            «    mode: paused
            »    # interval: 10s
                interval: 5m

            """)),
        (.pause("beta"), Layout("a mode that is written", """
            name: alpha
            peers:
            -   "name":   beta
                "mode":   "⟨sync⟩«paused»"  # both ways
                "endpoint": http://b

            """)),
        (.pause("beta"), Layout("a mode that is kept", """
            name: alpha
            peers:
              - name: beta
                mode: subscribe  # it is read only
            «    paused: true
            »    endpoint: http://b

            """)),
        (.pause("beta"), Layout("a flow mapping",
            "name: alpha\npeers: [ { name: beta, endpoint: 'http://b'«, mode: paused» } ]\n")),
        (.pause("beta"), Layout("JSON", """
            {"name": "alpha", "peers": [{
                "name": "beta",
                "endpoint": "http://b"«,
                "mode": "paused"»
            }]}

            """)),
        (.resume("beta"), Layout("a mode that pausing put in", """
            name: alpha
            peers:
              - name: beta
                endpoint: http://b
            ⟨    mode: paused
            ⟩    interval: 5m

            """)),
        (.resume("beta"), Layout("a comment that would go with the line", """
            name: alpha
            peers:
              - name: beta
                endpoint: http://b
                mode: ⟨paused⟩«sync»  # until Monday

            """)),
        (.resume("beta"), Layout("a mode at the dash", """
            name: alpha
            peers:
              - mode: ⟨paused⟩«sync»
                name: beta
                endpoint: http://b

            """)),
        (.resume("beta"), Layout("paused beside a mode",
            "name: alpha\npeers: [{name: beta, mode: subscribe⟨, paused: true⟩, endpoint: http://b}]\n")),
        (.resume("beta"), Layout("the last line, without a line break",
            "name: alpha\npeers:\n- name: beta\n  endpoint: http://b⟨\n  mode: paused⟩")),
        (.peerMode(.publish, "beta"), Layout("another mode of a paused peer", """
            name: alpha
            peers:
              - name: beta
                endpoint: http://b
                mode: ⟨paused⟩«publish»
            «    paused: true
            »
            """)),
        (.peerMode(.sync, "beta"), Layout("the default, where another was written",
            "name: alpha\npeers: [{name: beta, mode: ⟨'publish'⟩«'sync'», endpoint: http://b}]\n")),
        (.nodeMode(.publish), Layout("below the comment that names the key", """
            name: alpha
            # sync: fetch and serve
            #mode: sync
            «mode: publish
            »
            peers: []

            """)),
        (.nodeMode(.subscribe), Layout("behind what is listened on", """
            peers: []
            name: alpha
            listen: 127.0.0.1:4001  # here
            «mode: subscribe
            »interval: 5s

            """)),
        (.nodeMode(.subscribe), Layout("in place of another", "mode:   publish  # x\nname: alpha\n".replacing("publish", with: "⟨publish⟩«subscribe»"))),
        (.nodeMode(.publish), Layout("a flow mapping", "{name: alpha«, mode: publish», peers: []}\n")),
        (.nodeMode(.publish), Layout("a comment in the middle of a list is no place", """
            name: alpha
            «mode: publish
            »peers:
              - name: beta
            #mode: sync
                endpoint: http://b

            """)),
        (.rename("omega"), Layout("plain", "name:  ⟨alpha⟩«omega»   # us\npeers: []\n")),
        (.rename("omega"), Layout("quoted", "# us\n'name': '⟨alpha⟩«omega»'\n")),
        (.rename("omega"), Layout("a block scalar", "name: ⟨>-\n  alpha⟩«omega»\npeers: []\n")),
        (.rename("omega"), Layout("a byte order mark, several bytes, markers",
            "\u{FEFF}# Übersicht 🎉\n---\nname: ⟨alpha⟩«omega» # ä\n...\n# behind\n")),
    ]

    @Test(arguments: layouts)
    func exactlyThisIsChanged(edit: Edit, layout: Layout) throws {
        let result = String(decoding: try edit.carriedOut(on: Array(layout.before.utf8)), as: UTF8.self)
        #expect(Array(result.utf8) == Array(layout.after.utf8), "\(result)")
        #expect(try decoded(result).config == edit.wanted(of: try decoded(layout.before).config))
    }

    /// Whole configurations as people keep them, the layouts above among them.
    static let texts: [String] =
        ConfigEditorTests.layouts.map(\.after) + layouts.map(\.1.before) + layouts.map(\.1.after) + [
            ConfigTemplate.text(name: "alpha", listen: nil),
            """
            # Home ring. Keep in step with the router's forwards!
            name: attic
            data: /var/lib/federation
            listen: "[::1]:4001"
            hosts: [attic.lan, 'attic.example'] # behind nginx
            mode: sync
            interval: 30s
            log:
              level: warning # was debug in March

            peers:
              # --- machines of ours ---
              - name: cellar
                endpoint: http://127.0.0.1:4002
                timeout: 2m   # it sleeps

              - name: laptop
                endpoint: http://127.0.0.1:4003
                mode: subscribe
                interval: 5m
              # --- friends ---
              - {name: ada, endpoint: "https://ada.example/ring", wire: noema, mode: publish}
              - { name: bob, endpoint: "https://bob.example:8443", id: 01KNJX4991ASW6NNKS9BQHNCGB, mode: paused }

            # end of file
            """,
        ]

    /// Every edit of every configuration above: it says what it must, and nothing else moved.
    @Test(arguments: texts)
    func whatIsNotEditedStaysByteForByte(text: String) throws {
        let bytes = Array(text.utf8)
        let config = try decoded(text).config
        for edit in Edit.all(of: config) {
            let result: [UInt8]
            do throws(ConfigEditFailure) { result = try edit.carriedOut(on: bytes) } catch {
                // An explicit key has no line of its own to take out.
                if case .layout = error, text.contains("? peers") { continue }
                Issue.record("\(edit): \(error)\n\(text)")
                continue
            }
            #expect(try Config.decode(result).get().config == edit.wanted(of: config), "\(edit)\n\(text)")
            try expectSmall(edit, from: bytes, to: result, of: config)
        }
    }

    /// A paused peer that is resumed has its bytes back.
    @Test(arguments: texts)
    func pausingAndResumingLeavesNoTrace(text: String) throws {
        let bytes = Array(text.utf8)
        let config = try decoded(text).config
        for peer in config.peers where peer.mode != .paused {
            let paused = try Edit.pause(peer.name).carriedOut(on: bytes)
            #expect(try Edit.pause(peer.name).carriedOut(on: paused) == paused)
            let resumed = try Edit.resume(peer.name).carriedOut(on: paused)
            // Of a mode that was written as the default nothing tells that it was; of a last line without a break, nor.
            let isAlike = resumed == bytes || resumed == bytes + Array("\n".utf8) || resumed == bytes + Array("\r\n".utf8)
            #expect(isAlike || peer.mode == .sync && text.contains("mode"), "\(peer.name)\n\(String(decoding: resumed, as: UTF8.self))")
            #expect(try Config.decode(resumed).get().config == config)
        }
    }

    @Test func aPeerThatIsNotThereAndANameThatIsNoneAreRefused() throws {
        let text = Array("name: alpha\npeers:\n- name: beta\n  endpoint: http://b\n".utf8)
        for edit in [Edit.remove("gamma"), .pause("gamma"), .resume("gamma"), .peerMode(.sync, "gamma")] {
            #expect(throws: ConfigEditFailure.unknownPeer) { try edit.carriedOut(on: text) }
        }
        func reasons(_ name: String) -> [ConfigProblem.Reason] {
            do throws(ConfigEditFailure) { _ = try Edit.rename(name).carriedOut(on: text) } catch {
                if case .problemsAfter(let problems) = error { return problems.problems.map(\.reason) }
            }
            return []
        }
        #expect(reasons("beta") == [.peerNamedLikeUs("beta")])
        #expect(reasons("a b") == [.notAName("a b")])
        #expect(reasons("x\nmode: publish") == [.notAName("x\nmode: publish")])
    }

    /// A layout that has no place for a change is left alone.
    @Test(arguments: [
        (Edit.remove("beta"), "? name\n: alpha\n? peers\n: - name: beta\n    endpoint: http://b\n"),
        (.remove("beta"), "name: alpha\npeers: [{name: beta, endpoint: http://b},  # first\n {name: gamma, endpoint: http://c}]\n"),
        (.rename("omega"), "name: >-  # us\n  alpha\npeers: []\n"),
    ])
    func whatCannotBeEditedSafelyIsRefused(edit: Edit, text: String) throws {
        _ = try decoded(text)
        #expect(throws: ConfigEditFailure.layout) { try edit.carriedOut(on: Array(text.utf8)) }
    }

    /// Seen from outside: few lines are other, every comment is where it was, and so is every other peer.
    private func expectSmall(_ edit: Edit, from old: [UInt8], to new: [UInt8], of config: Config) throws {
        let diff = LineDiff(from: old, to: new)
        #expect(diff.added <= 2, "\(edit): \(diff.lines)")
        let items = YAMLDocument.parse(old).root?["peers"].flatMap { node -> [YAMLNode]? in
            if case .sequence(let items, _) = node.content { items } else { nil }
        } ?? []
        let mark = old.starts(with: YAMLDocument.byteOrderMark) ? YAMLDocument.byteOrderMark.count : 0
        func bytes(_ node: YAMLNode) -> ArraySlice<UInt8> { old[(node.range.lowerBound + mark)..<(node.contentEnd + mark)] }
        guard case .remove(let name) = edit else {
            #expect(diff.removed <= 2, "\(edit): \(diff.lines)")
            #expect(comments(old) == comments(new), "\(edit): \(diff.lines)")
            return
        }
        for (peer, item) in zip(config.peers, items) {
            if peer.name == name {
                let lines = bytes(item).count { $0 == 0x0A } + 1
                // Comments and blank lines behind it, and a dash, a comma or a key beside it.
                #expect(diff.removed <= lines + 4, "\(edit): \(diff.lines)")
            } else {
                #expect(new.firstRange(of: bytes(item)) != nil, "\(edit) touched \(peer.name): \(diff.lines)")
            }
        }
    }

    private func comments(_ text: [UInt8]) -> [[UInt8]] {
        text.split(separator: 0x0A).compactMap { line in line.firstIndex(of: 0x23).map { Array(line[$0...]) } }
    }
}
