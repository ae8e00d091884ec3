import FederationCore
import FederationHTTP
import FederationTestKit
import Testing

@testable import Federation

/// Which answers of the native wire travel in zstd.
struct NativePageCodingTests {
    private static let asker = ULID(milliseconds: 1, random: (2, 3)).description

    private func answer(
        _ path: String, _ events: Int, asking: String? = "zstd", mode: NodeMode = .sync, mark: String? = nil
    ) throws -> (plain: HTTPResponse, coded: HTTPResponse) {
        let node = try LoopedNode(NativeWire(), mode: mode, holding: WireContract.sample(events))
        var request = ServedRequest(method: "GET", path: path)
        request.fields["Accept-Encoding"] = asking
        request.fields["Federation-Node"] = NativePageCodingTests.asker
        request.fields["Federation-Host"] = mark
        let plain = try node.reply(to: request).response(nil)
        return (plain, NativePageCoding.coded(plain, for: request))
    }

    @Test func aPageOfEventsIsCompressedForWhoAsks() throws {
        let (plain, coded) = try answer(NativeRoutes.eventsPath, 100)
        #expect(coded.fields["Content-Encoding"] == "zstd" && coded.fields["Vary"] == "Accept-Encoding, Federation-Host")
        #expect(coded.body == Zstd.compress(plain.body) && coded.body.count * 3 < plain.body.count)
        #expect(coded.fields["Federation-Count"] == "100" && coded.status == 200)
        let (same, other) = try answer(NativeRoutes.eventsPath, 100, asking: "gzip")
        #expect(other.body == same.body && other.fields["Content-Encoding"] == nil)
        #expect(other.fields["Vary"] == "Accept-Encoding, Federation-Host")
    }

    /// Who asks on this machine says so by what no other machine knows.
    @Test func onOneMachineAPageIsNotCompressed() throws {
        let mark = try #require(HostMark.of(NativePageCodingTests.asker))
        let (plain, here) = try answer(NativeRoutes.eventsPath, 100, mark: mark)
        #expect(here.body == plain.body && here.fields["Content-Encoding"] == nil)
        let another = ULID(milliseconds: 1, random: (2, 4)).description
        for mark in ["", "x", HostMark.of(another), HostMark.of(NativePageCodingTests.asker, boot: [1])] {
            #expect(try answer(NativeRoutes.eventsPath, 100, mark: mark).coded.fields["Content-Encoding"] == "zstd")
        }
        #expect(HostMark.of(another, boot: nil) == nil)
    }

    @Test func whatGainsNothingIsServedAsItIs() throws {
        let (plain, coded) = try answer(NativeRoutes.eventsPath, 1)
        #expect(plain.body.count < Limits.zstdLeastBytes)
        #expect(coded.body == plain.body && coded.fields["Content-Encoding"] == nil)
        let identity = try answer(NativeRoutes.identityPath, 100)
        #expect(identity.coded == identity.plain)
        let refused = try answer(NativeRoutes.eventsPath, 100, mode: .subscribe)
        #expect(refused.coded == refused.plain)
    }

    @Test func aPullerAsksForItWithEachPage() throws {
        let run = try LoopedNode(NativeWire(), holding: WireContract.sample(1001)).poll()
        #expect(run.requests.map { $0.fields["Accept-Encoding"] } == [nil, "zstd", "zstd"])
    }
}
