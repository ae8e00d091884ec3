import FederationConfig
import FederationCore
import FederationCrypto
import Glibc
import Testing

@testable import Federation

/// The files that say who may ask and what is shown.
@Suite struct NodeAccessTests {
    private final class Directory {
        let path: String

        init() {
            var template = Array("/tmp/federation-access-XXXXXX".utf8CString)
            precondition(mkdtemp(&template) != nil)
            path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }

        deinit {
            for name in names { unlink(path + "/" + name) }
            rmdir(path)
        }

        var names = ["ca.pem", "client.pem", "client.key"]

        func write(_ text: String, _ name: String) throws {
            let file = try #require(fopen(path + "/" + name, "w"))
            fputs(text, file)
            fclose(file)
        }
    }

    /// A peer that is in back-off for what such a file says is asked anew once it says something else.
    @Test func everyFileOfTheChannelToAPeerIsLookedAt() throws {
        let directory = Directory()
        for name in directory.names { try directory.write("one\n", name) }
        var config = Config(name: "alpha")
        var peer = Config.Peer(name: "beta", endpoint: try Endpoint("https://beta.example:7000"))
        peer.authority = "ca.pem"
        config.peers = [peer]
        (config.tls.clientCertificate, config.tls.clientKey) = ("client.pem", "client.key")
        let (access, path) = (NodeAccess(), directory.path + "/federation.yaml")
        func channel() throws -> Digest {
            try access.take(config, beside: path, now: SystemClock.now())
            return access.channel(to: peer, of: config, beside: path)
        }
        var known = try channel()
        #expect(!access.isStale)
        for name in directory.names {
            try directory.write("another\n", name)
            #expect(access.isStale, "\(name)")
            let next = try channel()
            #expect(next != known && !access.isStale, "\(name)")
            known = next
        }
    }
}
