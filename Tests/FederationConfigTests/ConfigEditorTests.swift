import FederationConfig
import FederationCore
import Testing

/// A text, and the same with what must be put in between `«` and `»`, and what must go between `⟨` and `⟩`.
struct Layout: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let before: String
    let after: String

    init(_ name: String, _ marked: String) {
        testDescription = name
        var before = ""
        var after = ""
        var isNew = false
        var isGone = false
        for scalar in marked.unicodeScalars {
            switch scalar {
            case "«", "»": isNew = scalar == "«"
            case "⟨", "⟩": isGone = scalar == "⟨"
            default:
                if !isNew { before.unicodeScalars.append(scalar) }
                if !isGone { after.unicodeScalars.append(scalar) }
            }
        }
        self.before = before
        self.after = after
    }
}

@Suite struct ConfigEditorTests {
    static let gamma = ("gamma", "http://127.0.0.1:4003")

    static let layouts = [
        Layout(
            "a list indented by two",
            """
            name: alpha
            peers:
              - name: beta
                endpoint: http://127.0.0.1:4002
            «  - name: gamma
                endpoint: http://127.0.0.1:4003
            »interval: 10s

            """),
        Layout(
            "a list not indented",
            """
            name: alpha
            peers:
            - name: beta
              endpoint: http://127.0.0.1:4002
            «- name: gamma
              endpoint: http://127.0.0.1:4003
            »
            # What follows is about logs.
            log:
              level: debug

            """),
        Layout(
            "a list indented by four, its keys too",
            """
            name: alpha
            peers:
                -   name: beta
                    endpoint: http://127.0.0.1:4002
            «    -   name: gamma
                    endpoint: http://127.0.0.1:4003
            »
            """),
        Layout(
            "the dash on a line of its own",
            """
            name: alpha
            peers:
              -
                name: beta
                endpoint: http://127.0.0.1:4002
            «  - name: gamma
                endpoint: http://127.0.0.1:4003
            »
            """),
        Layout(
            "comments in, behind and after the entries",
            """
            # ring
            name: alpha  # us
            peers:       # them
              # the first
              - name: beta   # b
                # its address
                endpoint: http://127.0.0.1:4002   # on this machine
                # interval: 10s
            «  - name: gamma
                endpoint: http://127.0.0.1:4003
            »  # - name: delta
              #   endpoint: http://127.0.0.1:4004

            # the end

            """),
        Layout(
            "blank lines between the entries",
            """
            name: alpha

            peers:

              - name: beta
                endpoint: http://127.0.0.1:4002

              - name: delta

                endpoint: http://127.0.0.1:4004
            «  - name: gamma
                endpoint: http://127.0.0.1:4003
            »

            mode: sync

            """),
        Layout(
            "an empty flow list",
            """
            name: alpha
            peers:⟨ []⟩
            «  - name: gamma
                endpoint: http://127.0.0.1:4003
            »mode: sync

            """),
        Layout(
            "an empty flow list with spaces and a comment",
            """
            name: alpha
            peers:⟨   [  ]⟩   # nobody yet
            «  - name: gamma
                endpoint: http://127.0.0.1:4003
            »
            """),
        Layout(
            "an empty flow list over two lines",
            "name: alpha\npeers: [«{name: gamma, endpoint: http://127.0.0.1:4003}»\n  ]\n"),
        Layout(
            "an empty flow list with a comment inside",
            "name: alpha\npeers: [«{name: gamma, endpoint: http://127.0.0.1:4003}»  # nobody\n  ]\n"),
        Layout(
            "a flow list",
            """
            name: alpha
            peers: [{name: beta, endpoint: "http://b"}«, {name: gamma, endpoint: http://127.0.0.1:4003}»] # one
            mode: sync

            """),
        Layout(
            "a flow list with spaces in its braces and a comma at its end",
            """
            name: alpha
            peers: [ { name: beta, endpoint: 'http://b' }«, { name: gamma, endpoint: http://127.0.0.1:4003 }», ]

            """),
        Layout(
            "a flow list over several lines",
            """
            name: alpha
            peers: [
              {name: beta, endpoint: http://127.0.0.1:4002},  # b
              {name: delta, endpoint: http://127.0.0.1:4004}«,
              {name: gamma, endpoint: http://127.0.0.1:4003}»   # d
            ]
            mode: sync

            """),
        Layout(
            "flow mappings in a block list",
            """
            name: alpha
            peers:
              - { name: beta, endpoint: "http://127.0.0.1:4002" }  # b
            «  - { name: gamma, endpoint: http://127.0.0.1:4003 }
            »mode: sync

            """),
        Layout(
            "a flow mapping over several lines in a block list",
            """
            name: alpha
            peers:
            - {name: beta,
               endpoint: "http://127.0.0.1:4002"
              }
            «- {name: gamma, endpoint: http://127.0.0.1:4003}
            »mode: sync

            """),
        Layout(
            "peers without a value",
            """
            name: alpha
            peers:
            «  - name: gamma
                endpoint: http://127.0.0.1:4003
            »mode: sync

            """),
        Layout(
            "peers with comments for a value",
            """
            name: alpha
            peers:  # nobody yet
                # - name: beta
                #   endpoint: http://127.0.0.1:4002
            «    - name: gamma
                  endpoint: http://127.0.0.1:4003
            »
            # log
            mode: sync

            """),
        Layout(
            "no peers",
            """
            name: alpha
            mode: sync
            «peers:
              - name: gamma
                endpoint: http://127.0.0.1:4003
            »
            """),
        Layout(
            "no peers, blank lines between the keys, a comment at the end",
            """
            name: alpha

            mode: sync
            # the end
            «
            peers:
              - name: gamma
                endpoint: http://127.0.0.1:4003
            »
            """),
        Layout(
            "no peers, markers at both ends",
            """
            %YAML 1.1
            ---
            name: alpha
            «peers:
              - name: gamma
                endpoint: http://127.0.0.1:4003
            »...
            # behind

            """),
        Layout(
            "no line break at the end",
            "name: alpha«\npeers:\n  - name: gamma\n    endpoint: http://127.0.0.1:4003\n»"),
        Layout(
            "no line break behind the last peer",
            """
            name: alpha
            peers:
              - name: beta
                endpoint: http://127.0.0.1:4002«
              - name: gamma
                endpoint: http://127.0.0.1:4003
            »
            """),
        Layout(
            "no line break behind an empty list",
            "name: alpha\npeers:⟨ []⟩«\n  - name: gamma\n    endpoint: http://127.0.0.1:4003\n»"),
        Layout(
            "Windows line ends",
            "name: alpha\r\npeers:\r\n  - name: beta\r\n    endpoint: http://127.0.0.1:4002\r\n"
                + "«  - name: gamma\r\n    endpoint: http://127.0.0.1:4003\r\n»mode: sync\r\n"),
        Layout(
            "Windows line ends and none at the end",
            "name: alpha\r\npeers:⟨ []⟩«\r\n  - name: gamma\r\n    endpoint: http://127.0.0.1:4003\r\n»"),
        Layout(
            "a byte order mark, and characters of several bytes",
            "\u{FEFF}# Übersicht 日本語 🎉\nname: alpha\npeers:\n  - name: beta # ä\n    endpoint: http://b # ö\n"
                + "«  - name: gamma\n    endpoint: http://127.0.0.1:4003\n»log: {level: debug} # ü\n"),
        Layout(
            "the whole in one flow mapping",
            "{name: alpha, peers: [{name: beta, endpoint: http://127.0.0.1:4002}"
                + "«, {name: gamma, endpoint: http://127.0.0.1:4003}»], mode: sync}\n"),
        Layout(
            "a flow mapping without peers",
            "{name: alpha, mode: sync«, peers: [{name: gamma, endpoint: http://127.0.0.1:4003}]»}\n"),
        Layout(
            "a flow mapping with an empty list",
            "{name: alpha, peers: [«{name: gamma, endpoint: http://127.0.0.1:4003}»], mode: sync}\n"),
        Layout(
            "a flow mapping as JSON has it",
            "{\"name\": \"alpha\", \"peers\": [\n  {\"name\": \"beta\", \"endpoint\": \"http://127.0.0.1:4002\"}"
                + "«,\n  {name: gamma, endpoint: http://127.0.0.1:4003}»\n]}\n"),
        Layout(
            "a block scalar at the end of the last entry",
            """
            name: alpha
            peers:
              - name: beta
                endpoint: >-
                  http://127.0.0.1:4002
            «  - name: gamma
                endpoint: http://127.0.0.1:4003
            »

            mode: sync

            """),
        Layout(
            "explicit keys",
            """
            ? name
            : alpha
            ? peers
            : - name: beta
                endpoint: http://127.0.0.1:4002
            «  - name: gamma
                endpoint: http://127.0.0.1:4003
            »? mode
            : sync

            """),
        Layout(
            "everything indented",
            """
              name: alpha
              peers:⟨ []⟩
            «    - name: gamma
                  endpoint: http://127.0.0.1:4003
            »  mode: sync

            """),
        Layout(
            "quoted keys and aligned values",
            """
            "name":     alpha
            'peers':
              - "name":     beta
                "endpoint": http://127.0.0.1:4002
                "wire":     noema
            «  - name: gamma
                endpoint: http://127.0.0.1:4003
            »"mode":     sync

            """),
    ]

    @Test(arguments: layouts)
    func aPeerIsPutWhereAPersonWouldAndNothingElseMoves(layout: Layout) throws {
        let editor = try ConfigEditor(Array(layout.before.utf8))
        let peer = Config.Peer(name: "gamma", endpoint: try Endpoint("http://127.0.0.1:4003"))
        let result = String(decoding: try editor.appending(peer), as: UTF8.self)
        #expect(Array(result.utf8) == Array(layout.after.utf8), "\(result)")
        var wanted = try decoded(layout.before).config
        wanted.peers.append(peer)
        #expect(try decoded(result).config == wanted)
        // And once more, upon our own work.
        let delta = Config.Peer(name: "epsilon", endpoint: try Endpoint("http://127.0.0.1:4005"))
        let again = try ConfigEditor(Array(result.utf8)).appending(delta)
        #expect(try Config.decode(again).get().config.peers.suffix(2) == [peer, delta])
    }

    @Test func everythingThatAPeerSaysIsWritten() throws {
        var peer = Config.Peer(name: "0777", endpoint: try Endpoint("https://[::1]:8443/a,b/'c'"))
        peer.mode = .paused
        peer.wire = .only(.noema)
        peer.interval = .milliseconds(90_500)
        peer.timeout = .seconds(600)
        peer.id = ULID("01KNJX4991ASW6NNKS9BQHNCGB")
        for text in ["name: alpha\n", "name: alpha\npeers: [{name: b, endpoint: http://b}]\n"] {
            let result = try ConfigEditor(Array(text.utf8)).appending(peer)
            #expect(try Config.decode(result).get().config.peers.last == peer)
        }
    }

    @Test func aPeerThatComesIsWrittenWithoutAnEndpointAndChangedLikeAnyOther() throws {
        var peer = Config.Peer(name: "laptop", endpoint: nil)
        peer.id = ULID("01KNJX4991ASW6NNKS9BQHNCGB")
        let before = "name: alpha # us\npeers:\n  - name: beta\n    endpoint: http://b\n"
        let added = try ConfigEditor(Array(before.utf8)).appending(peer)
        let text = before + "  - name: laptop\n    id: 01KNJX4991ASW6NNKS9BQHNCGB\n"
        #expect(String(decoding: added, as: UTF8.self) == text)
        let editor = try ConfigEditor(added)
        let paused = try editor.pausing(peer: "laptop")
        #expect(try Config.decode(paused).get().config.peers[1].mode == .paused)
        #expect(try ConfigEditor(paused).resuming(peer: "laptop") == added)
        let publishing = try editor.setting(mode: .publish, ofPeer: "laptop")
        #expect(try Config.decode(publishing).get().config.peers[1].mode == .publish)
        #expect(try editor.removing(peer: "laptop") == Array(before.utf8))
    }

    @Test func whatWouldNotBeAValidConfigurationIsNotWritten() throws {
        let editor = try ConfigEditor(Array("name: alpha\npeers:\n- name: beta\n  endpoint: http://b\n".utf8))
        func reasons(_ name: String, _ url: String) throws -> [ConfigProblem.Reason] {
            let peer = Config.Peer(name: name, endpoint: try Endpoint(url))
            do throws(ConfigEditFailure) {
                _ = try editor.appending(peer)
                return []
            } catch {
                guard case .problemsAfter(let problems) = error else { return [] }
                return problems.problems.map(\.reason)
            }
        }
        #expect(try reasons("alpha", "http://a") == [.peerNamedLikeUs("alpha")])
        #expect(try reasons("beta", "http://c") == [.duplicatePeer("beta", first: Mark(line: 3, column: 9))])
        #expect(
            try reasons("gamma", "http://b/") == [.duplicateEndpoint("http://b", first: Mark(line: 4, column: 13))])
        #expect(try reasons("x\nmode: publish", "http://c") == [.notAName("x\nmode: publish")])
        #expect(try reasons("\"", "http://c") == [.notAName("\"")])
    }

    @Test func aTextWithProblemsIsNotTouched() {
        #expect(throws: ConfigEditFailure.self) { try ConfigEditor(Array("name: a\nmode: x\n".utf8)) }
    }

    @Test func whatInitWritesHasNoProblemsAndTakesAPeer() throws {
        for listen in [nil, try ListenAddress("127.0.0.1:4001"), try ListenAddress("[::1]:0")] {
            for data in ["data", "/var/lib/x", "a b: #c", "\"", "\\", "[x]", "-", "日本語", "'", "null", "*a"] {
                let text = ConfigTemplate.text(name: "0777", listen: listen, data: data)
                let found = try decoded(text)
                var wanted = Config(name: "0777")
                wanted.listen = listen
                wanted.data = data
                #expect(found.config == wanted)
                #expect(found.warnings.isEmpty)
                let peer = Config.Peer(name: "beta", endpoint: try Endpoint("http://127.0.0.1:4002"))
                let more = String(decoding: try ConfigEditor(Array(text.utf8)).appending(peer), as: UTF8.self)
                #expect(more.hasSuffix("\npeers:\n  - name: beta\n    endpoint: http://127.0.0.1:4002\n"))
            }
        }
    }

    @Test func whatInitIsToldOfTheIntervalIsWritten() throws {
        let text = ConfigTemplate.text(name: "a", listen: nil, interval: "200ms")
        #expect(try decoded(text).config.interval == .milliseconds(200))
        #expect(problems(ConfigTemplate.text(name: "a", listen: nil, interval: "1s\nmode: publish")).count == 1)
    }

    /// What stands as a comment must be right too, once the `#` is gone.
    @Test func theCommentedKeysOfTheTemplateAreValid() throws {
        let text = ConfigTemplate.text(name: "alpha", listen: nil)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).filter { $0 != "peers: []" }
        let uncommented = lines.map { line in
            // "# Words", against "#key:" and "#  - item".
            let isProse = line.hasPrefix("# ") && !line.hasPrefix("#  ")
            return line.hasPrefix("#") && !isProse ? String(line.dropFirst()) : String(line)
        }
        let config = try decoded(uncommented.joined(separator: "\n")).config
        #expect(config.listen?.port == 4001)
        #expect(config.peers.map(\.name) == ["beta"])
        var plain = config
        plain.listen = nil
        plain.peers = []
        #expect(plain.store.maxSize == ByteCount(2_000_000_000))
        plain.store.maxSize = nil
        #expect(plain.access.sharedKeyFile == "ring.key")
        #expect(plain.tls.listen?.description == "192.0.2.10:4443")
        plain.access = Config.Access()
        plain.tls = Config.TLS()
        #expect(plain.page.listen?.isLoopback == true && plain.page.keyFile == "page.key")
        plain.page = Config.Page()
        #expect(plain == Config(name: "alpha"))
    }
}
