import FederationCore
import Testing

struct RequestGuardTests {
    private let guarded = RequestGuard(addresses: ["127.0.0.1", "::1"], names: ["notes.example"], port: 4001)

    @Test(arguments: [
        "localhost", "LOCALHOST:4001", "127.0.0.1:4001", "127.0.0.1", "[::1]:4001", "Notes.Example:80",
    ])
    func ownNamesAreAllowed(host: String) {
        #expect(guarded.check(["Host": host]) == .allowed)
    }

    @Test(arguments: ["evil.example", "127.0.0.1.evil.example", "10.0.0.1:4001", "localhost.evil:4001"])
    func aForeignHostIsRefused(host: String) {
        #expect(guarded.check(["Host": host]) == .foreignHost)
    }

    @Test(arguments: ["", ":4001", "[::1", "localhost:", "localhost:x", "localhost:99999", "[::1]4001"])
    func aMalformedHostIsRefused(host: String) {
        #expect(guarded.check(["Host": host]) == .badHost)
    }

    @Test func noHostAndTwoHostsAreRefused() {
        #expect(guarded.check([:]) == .badHost)
        #expect(guarded.check(["Host": "localhost", "host": "localhost"]) == .badHost)
    }

    @Test func onlyTheListenersOwnPagesMaySendAnOrigin() {
        #expect(guarded.check(["Host": "localhost:4001", "Origin": "http://localhost:4001"]) == .allowed)
        #expect(guarded.check(["Host": "localhost:4001", "Origin": "http://[::1]:4001"]) == .allowed)
        let foreign = [
            "null", "http://localhost", "http://localhost:4002", "https://localhost:4001", "http://evil.example:4001",
            "app://obsidian.md", "", "http://localhost:4001@evil.example",
        ]
        for origin in foreign {
            #expect(guarded.check(["Host": "localhost:4001", "Origin": origin]) == .foreignOrigin, "\(origin)")
        }
    }
}
