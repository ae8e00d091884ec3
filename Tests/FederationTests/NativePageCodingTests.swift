import FederationCore
import FederationHTTP
import FederationTestKit
import Testing

@testable import Federation

/// Which answers of the native wire travel in zstd.
struct NativePageCodingTests {
    private func answer(
        _ path: String, _ events: Int, asking: String? = "zstd", mode: NodeMode = .sync
    ) throws -> (plain: HTTPResponse, coded: HTTPResponse) {
        let node = try LoopedNode(NativeWire(), mode: mode, holding: WireContract.sample(events))
        var request = ServedRequest(method: "GET", path: path)
        request.fields["Accept-Encoding"] = asking
        let plain = try node.reply(to: request).response(nil)
        return (plain, NativePageCoding.coded(plain, for: request))
    }

    @Test func aPageOfEventsIsCompressedForWhoAsks() throws {
        let (plain, coded) = try answer(NativeRoutes.eventsPath, 100)
        #expect(coded.fields["Content-Encoding"] == "zstd" && coded.fields["Vary"] == "Accept-Encoding")
        #expect(coded.body == Zstd.compress(plain.body) && coded.body.count * 3 < plain.body.count)
        #expect(coded.fields["Federation-Count"] == "100" && coded.status == 200)
        let (same, other) = try answer(NativeRoutes.eventsPath, 100, asking: "gzip")
        #expect(other.body == same.body && other.fields["Content-Encoding"] == nil)
        #expect(other.fields["Vary"] == "Accept-Encoding")
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
