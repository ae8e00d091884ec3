import FederationCore
import Testing

/// Where nobody is to be sent by others: tables of addresses and of the tricks that hide them.
@Suite struct AddressGuardTests {
    private static let kinds: [(String, AddressKind)] = [
        // Anybody's.
        ("8.8.8.8", .global), ("1.1.1.1", .global), ("9.255.255.255", .global), ("11.0.0.0", .global),
        ("100.63.255.255", .global), ("100.128.0.0", .global), ("126.255.255.255", .global), ("128.0.0.0", .global),
        ("169.253.255.255", .global), ("169.255.0.0", .global), ("172.15.255.255", .global), ("172.32.0.0", .global),
        ("192.0.1.0", .global), ("192.167.255.255", .global), ("192.169.0.0", .global), ("198.17.255.255", .global),
        ("198.20.0.0", .global), ("223.255.255.255", .global), ("2606:4700:4700::1111", .global), ("2001:4860:4860::8888", .global),
        ("2a00::1", .global), ("2001:200::1", .global), ("3ffe:ffff::1", .global),
        // This network, this machine, one's own network.
        ("0.0.0.0", .unspecified), ("0.0.0.1", .reserved), ("0.255.255.255", .reserved), ("127.0.0.1", .loopback),
        ("127.255.255.255", .loopback), ("10.0.0.0", .privateUse), ("10.255.255.255", .privateUse), ("172.16.0.0", .privateUse),
        ("172.31.255.255", .privateUse), ("192.168.0.0", .privateUse), ("192.168.255.255", .privateUse),
        ("100.64.0.0", .carrierNAT), ("100.127.255.255", .carrierNAT), ("169.254.0.0", .linkLocal), ("169.254.255.255", .linkLocal),
        ("::", .unspecified), ("::1", .loopback), ("fe80::1", .linkLocal), ("febf:ffff::1", .linkLocal), ("fc00::", .privateUse),
        ("fdff:ffff::1", .privateUse), ("fec0::1", .privateUse), ("feff::1", .privateUse),
        // Where clouds keep secrets.
        ("169.254.169.254", .metadata), ("fd00:ec2::254", .metadata), ("100.100.100.200", .metadata), ("192.0.0.192", .metadata),
        ("169.254.170.2", .metadata), ("fd00:ec2::23", .metadata), ("::ffff:169.254.169.254", .metadata),
        ("64:ff9b::a9fe:a9fe", .metadata), ("2002:a9fe:a9fe::", .metadata), ("::a9fe:a9fe", .metadata),
        // For other uses.
        ("192.0.0.0", .reserved), ("192.0.0.8", .reserved), ("192.0.0.255", .reserved), ("192.0.2.1", .documentation),
        ("198.51.100.7", .documentation), ("203.0.113.255", .documentation), ("198.18.0.0", .benchmarking),
        ("198.19.255.255", .benchmarking), ("192.88.99.1", .tunnel), ("224.0.0.1", .multicast), ("239.255.255.255", .multicast),
        ("240.0.0.1", .reserved), ("255.255.255.255", .reserved), ("192.31.196.1", .reserved), ("192.175.48.1", .reserved),
        ("ff02::1", .multicast), ("ff0e::1", .multicast), ("2001:db8::1", .documentation), ("3fff::1", .documentation),
        ("3fff:0fff::1", .documentation), ("2001:2::1", .benchmarking), ("2001:2:1::", .reserved), ("2001:10::1", .reserved),
        ("2001:20::1", .reserved), ("2001::1", .tunnel), ("2001:0:4136:e378::1", .tunnel), ("100::1", .reserved),
        ("5f00::1", .reserved), ("1::1", .reserved), ("4000::1", .reserved), ("e000::1", .reserved), ("200::1", .reserved),
        // IPv6 that stands for IPv4.
        ("::ffff:127.0.0.1", .loopback), ("::ffff:7f00:1", .loopback), ("::ffff:10.1.2.3", .privateUse), ("::ffff:8.8.8.8", .global),
        ("::ffff:0:127.0.0.1", .loopback), ("::127.0.0.1", .loopback), ("::10.0.0.1", .privateUse), ("::8.8.8.8", .global),
        ("64:ff9b::127.0.0.1", .loopback), ("64:ff9b::192.168.1.1", .privateUse), ("64:ff9b::8.8.8.8", .global),
        ("64:ff9b:1:7f00:0:100::", .loopback), ("64:ff9b:1:808:8:800::", .tunnel), ("64:ff9b:2::8.8.8.8", .reserved),
        ("2002:7f00:1::", .loopback), ("2002:c0a8:101::1", .privateUse), ("2002:808:808::1", .global), ("2002::", .unspecified),
    ]

    @Test func eachAddressIsOfItsKind() throws {
        #expect(AddressGuardTests.kinds.count >= 100)
        for (text, kind) in AddressGuardTests.kinds {
            let address = try #require(NetworkAddress(text), "\(text)")
            #expect(AddressGuard.kind(of: address) == kind, "\(text)")
            let verdict = AddressGuard().verdict(on: address)
            #expect(verdict == (kind == .global ? .allowed : .refused(kind)), "\(text)")
        }
        #expect(Set(AddressGuardTests.kinds.map(\.1)) == Set(AddressKind.allCases))
    }

    @Test func aRangeLetsInWhatItNamesAndNoSecrets() throws {
        let ranges = ["10.0.0.0/8", "127.0.0.1", "fd00::/8", "0.0.0.0/0", "::/0"].compactMap { AddressRange($0) }
        func verdict(_ text: String, _ allowed: ArraySlice<AddressRange>) throws -> AddressGuard.Verdict {
            AddressGuard(allowed: Array(allowed)).verdict(on: try #require(NetworkAddress(text)))
        }
        #expect(try verdict("10.9.8.7", ranges[0...0]) == .allowed)
        #expect(try verdict("::ffff:10.9.8.7", ranges[0...0]) == .allowed)
        #expect(try verdict("64:ff9b::10.9.8.7", ranges[0...0]) == .allowed)
        #expect(try verdict("192.168.0.1", ranges[0...2]) == .refused(.privateUse))
        #expect(try verdict("127.0.0.1", ranges[0...2]) == .allowed)
        #expect(try verdict("127.0.0.2", ranges[0...2]) == .refused(.loopback))
        #expect(try verdict("fd12::1", ranges[0...2]) == .allowed)
        for secret in ["169.254.169.254", "fd00:ec2::254", "100.100.100.200", "::ffff:169.254.169.254"] {
            #expect(try verdict(secret, ranges[...]) == .refused(.metadata))
        }
        #expect(try verdict("192.168.0.1", ranges[...]) == .allowed)
    }

    @Test func addressesHaveOneWayOfWriting() {
        for text in [
            "", "1", "127.1", "127.0.1", "127.0.0.01", "0177.0.0.1", "0x7f.0.0.1", "2130706433", "127.0.0.256", "127.0.0.1.",
            "127.0.0.1/8", " 127.0.0.1", "127.0.0.1 ", "+127.0.0.1", "127.0.0.-1", "1.2.3.4.5", "::1%lo", "[::1]", ":::", "1::2::3",
            "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "g::", "::1.2.3", "1.2.3.4::", "::+1", "::-1", ":1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8:",
            "1:2:3:4:5:6:7::8:9", "１２７.0.0.1", "::ffff:127.0.0.1.1", "1:2:3:4:5:6:7:1.2.3.4",
        ] {
            #expect(NetworkAddress(text) == nil, "\(text)")
        }
        #expect(NetworkAddress("1::8")?.bytes == [0, 1] + [UInt8](repeating: 0, count: 12) + [0, 8])
        #expect(NetworkAddress("1:2:3:4:5:6:1.2.3.4")?.bytes.suffix(4) == [1, 2, 3, 4])
        #expect(NetworkAddress("ABCD::")?.text == "[abcd:0:0:0:0:0:0:0]")
        #expect(NetworkAddress(bytes: [1, 2, 3]) == nil && NetworkAddress(bytes: [1, 2, 3, 4])?.text == "1.2.3.4")
        for text in ["10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8/8", "::/129", "10.0.0.0/0008", "x/8"] {
            #expect(AddressRange(text) == nil, "\(text)")
        }
        #expect(AddressRange("fd00::/8")?.text == "fd00:0:0:0:0:0:0:0/8" && AddressRange("10.0.0.0/8")?.text == "10.0.0.0/8")
    }

    // MARK: URLs

    @Test(arguments: [
        ("https://beta.example.org:3000", "https://beta.example.org:3000"), ("HTTP://Beta.Example.ORG/", "http://beta.example.org"),
        ("https://beta.example.org:443/x/", "https://beta.example.org/x"), ("http://8.8.8.8", "http://8.8.8.8"),
        ("http://127.0.0.1:80", "http://127.0.0.1"), ("http://[2001:db8::1]:7/a-b_c~d", "http://[2001:db8:0:0:0:0:0:1]:7/a-b_c~d"),
        ("https://xn--bcher-kva.example.org", "https://xn--bcher-kva.example.org"), ("http://a1.b2", "http://a1.b2"),
    ])
    func aPlainURLIsReadAndWrittenInOneWay(text: String, plain: String) throws {
        #expect(try AnnouncedURL(text).text == plain)
    }

    private static let refused: [(String, AnnouncedURL.Refusal)] = [
        ("", .scheme), ("beta.example.org", .scheme), ("ftp://beta.example.org", .scheme), ("file:///etc/passwd", .scheme),
        ("gopher://beta.example.org", .scheme), ("javascript:alert(1)", .scheme), ("https:beta.example.org", .scheme),
        ("http:/beta.example.org", .scheme), (" http://beta.example.org", .scheme), ("unix:/tmp/socket", .scheme),
        ("http://user@beta.example.org", .userInfo), ("http://user:word@beta.example.org", .userInfo),
        ("http://8.8.8.8@127.0.0.1", .userInfo), ("http://@beta.example.org", .userInfo),
        ("http://", .host), ("http:///x", .host), ("http://:80", .host), ("http://beta..org", .host), ("http://.beta.org", .host),
        ("http://beta.org.", .host), ("http://127.0.0.1.", .host), ("http://localhost.", .host), ("http://-beta.org", .host),
        ("http://beta-.org", .host), ("http://beta_x.org", .host), ("http://b%65ta.org", .host), ("http://127.0.0.1%2f.org", .host),
        ("http://127.1", .host), ("http://127.0.1", .host), ("http://2130706433", .host), ("http://0x7f000001", .host),
        ("http://0x7f.1", .host), ("http://0x7f.0.0.0x1", .host), ("http://017700000001", .host), ("http://0177.0.0.1", .host),
        ("http://1.2.3.4.5", .host), ("http://beta.1", .host), ("http://beta.0x7f", .host), ("http://256.0.0.1", .host),
        ("http://[::1", .host), ("http://[::1]x", .host), ("http://[127.0.0.1]", .host), ("http://[fe80::1%25eth0]", .host),
        ("http://[fe80::1%eth0]", .host), ("http://[]", .host), ("http://::1", .host), ("http://bücher.example.org", .host),
        ("http://１２７.0.0.1", .host), ("http://beta。org", .host), ("http://beta.org\\@127.0.0.1", .host), ("http://beta.org\u{0}", .host),
        ("http://be ta.org", .host), ("http://beta.org\n", .host), ("http://beta\u{200B}.org", .host),
        ("http://localhost", .localName), ("http://LOCALHOST:4000", .localName), ("http://a.localhost", .localName),
        ("http://metadata", .localName), ("http://metadata.google.internal", .localName), ("http://instance-data", .localName),
        ("http://printer.local", .localName), ("http://router.lan", .localName), ("http://x.home.arpa", .localName),
        ("http://x.internal", .localName), ("http://1.0.0.127.in-addr.arpa", .localName), ("http://x.onion", .localName),
        ("http://beta.org:", .port), ("http://beta.org:0", .port), ("http://beta.org:65536", .port), ("http://beta.org:080", .port),
        ("http://beta.org:+80", .port), ("http://beta.org:8o", .port), ("http://beta.org:80:80", .port), ("http://[::1]:", .port),
        ("http://beta.org/?x=1", .path), ("http://beta.org?x=1", .path), ("http://beta.org/#x", .path), ("http://beta.org/../x", .path),
        ("http://beta.org/./x", .path), ("http://beta.org/%2e%2e", .path), ("http://beta.org/a;b", .path), ("http://beta.org/a@b", .path),
    ]

    @Test func eachTrickIsRefusedForWhatItIs() {
        #expect(AddressGuardTests.refused.count >= 70)
        for (text, refusal) in AddressGuardTests.refused {
            #expect(throws: refusal, "\(text)") { try AnnouncedURL(text) }
        }
        #expect(throws: AnnouncedURL.Refusal.scheme) { try AnnouncedURL("http://beta.org/" + String(repeating: "x", count: 1 << 20)) }
    }

    // MARK: What is kept

    private func announced(_ name: String, by: String, after seconds: Int = 0, _ endpoint: String = "http://beta.org") -> Announcement {
        Announcement(name: name, endpoint: endpoint, by: by, at: PollBench.wallStart.advanced(by: .seconds(seconds)))
    }

    @Test func theLastWordOfEachIsKeptAndNoMoreThanSome() {
        var known = Announcements()
        func take(_ new: Announcement) -> Bool { known.take(new) }
        #expect(take(announced("beta", by: "192.0.2.1")))
        #expect(!take(announced("beta", by: "192.0.2.1", after: 600)), "nothing new is no write")
        #expect(!take(announced("gamma", by: "192.0.2.1", after: 59)))
        #expect(take(announced("gamma", by: "192.0.2.1", after: 60)))
        #expect(known["beta"] == nil)
        // A name that a person may have seen stays whose it is.
        #expect(!take(announced("gamma", by: "192.0.2.66", after: 60, "http://evil.org")))
        #expect(known["gamma"]?.endpoint == "http://beta.org")
        for index in 0..<100 { #expect(take(announced("n\(index)", by: "peer p\(index)", after: 100))) }
        #expect(known.kept.count == Limits.announcements && known["gamma"] == nil && known["n99"] != nil)
        #expect(Announcements(json: known.json) == known)
        for text in ["", "{}", "7", #"[{"name":"b"}]"#] { #expect(Announcements(json: text).kept.isEmpty) }
    }

    @Test func onlyTheNameOfAPeerIsAName() {
        for name in ["beta", "b", "Beta-1._x", String(repeating: "b", count: 64)] { #expect(PeerName.isValid(name)) }
        for name in ["", "-b", ".b", "be ta", "bé", "b\u{1B}[31m", "b/c", String(repeating: "b", count: 65)] {
            #expect(!PeerName.isValid(name))
        }
    }
}
