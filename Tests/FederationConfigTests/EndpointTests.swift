import FederationConfig
import Testing

@Suite struct EndpointTests {
    @Test(arguments: [
        ("http://127.0.0.1:4002", "http://127.0.0.1:4002"),
        ("http://127.0.0.1:4002/", "http://127.0.0.1:4002"),
        ("http://beta///", "http://beta"),
        ("HTTP://BETA.Example:80/A", "http://beta.example/A"),
        ("https://beta:443", "https://beta"),
        ("https://beta:80", "https://beta:80"),
        ("http://[0:0:0:0:0:0:0:1]:4002/x/y", "http://[::1]:4002/x/y"),
        ("http://[FE80::1]", "http://[fe80::1]"),
        ("http://a_b-c.d:65535/~x/%41;v=1,2", "http://a_b-c.d:65535/~x/%41;v=1,2"),
        ("http://beta:00080", "http://beta"),
        ("http://3com.example", "http://3com.example"),
    ])
    func anEndpointHasOneSpelling(text: String, url: String) throws {
        #expect(try Endpoint(text).url == url)
        #expect(try Endpoint(url).url == url)
    }

    @Test(arguments: [
        ("", Endpoint.Fault.scheme), ("beta:4002", .scheme), ("ftp://beta", .scheme), ("http:/beta", .scheme),
        ("//beta", .scheme), ("http//beta", .scheme), (" http://beta", .scheme), ("://beta", .scheme),
        ("http://", .host), ("http:///x", .host), ("http://:80", .host), ("http://a b", .host),
        ("http://bet\u{E4}", .host), ("http://a..b", .host), ("http://-a", .host), ("http://.a", .host),
        ("http://a.", .host), ("http://256.1.1.1", .host), ("http://127.1", .host), ("http://1", .host),
        ("http://0x7f.1", .host), ("http://[::1", .host), ("http://[]", .host), ("http://[::1%25lo]", .host),
        ("http://[127.0.0.1]", .host), ("http://a\r\nHost: b", .host), ("http://a\\b", .host), ("http://%61", .host),
        ("http://beta:0", .port), ("http://beta:", .port), ("http://beta:65536", .port), ("http://beta:-1", .port),
        ("http://beta:8x", .port), ("http://[::1]4002", .port), ("http://a:1:2", .port), ("http://beta:\u{663}", .port),
        ("http://user@beta", .userInfo), ("http://user:secret@beta:1", .userInfo),
        ("http://beta/?q", .query), ("http://beta?q=1", .query), ("http://beta/#f", .fragment),
        ("http://beta#", .fragment),
        ("http://beta/../x", .path), ("http://beta/./x", .path), ("http://beta/a b", .path), ("http://beta/%4", .path),
        ("http://beta/%zz", .path), ("http://beta/\u{E4}", .path), ("http://beta/\"", .path), ("http://beta/\n", .path),
        ("http://beta/\0", .path), ("http://beta\0", .host), ("http://be\u{301}ta", .host),
        ("http://" + String(repeating: "a", count: 64), .host),
        ("http://a/" + String(repeating: "a", count: 2048), .tooLong(limit: 2048)),
    ])
    func whatIsNoEndpointSaysWhichPartIsWrong(text: String, fault: Endpoint.Fault) {
        do throws(Endpoint.Fault) {
            let endpoint = try Endpoint(text)
            Issue.record("read as \(endpoint)")
        } catch {
            #expect(error == fault)
        }
    }

    @Test func aPasswordInAnEndpointIsNotEchoed() {
        let found = problems("name: a\npeers:\n- {name: b, endpoint: 'http://user:hunter2@beta'}\n")
        #expect(found.count == 1)
        #expect(found.allSatisfy { !$0.line.contains("hunter2") && $0.line.contains("does not belong") })
    }
}
