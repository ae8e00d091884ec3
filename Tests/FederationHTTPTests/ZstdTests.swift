import FederationCore
import HostileKit
import Testing

@testable import FederationHTTP

/// Bodies in zstd: what comes of good ones, and what hostile ones cannot do.
@Suite struct ZstdTests {
    let client = CurlClient()

    private static let asking: HTTPFields = ["Accept-Encoding": "zstd"]

    /// Lines as events have them: much alike, with a part that is not.
    private static func lines(_ count: Int) -> [UInt8] {
        var random: UInt64 = 1
        return (0..<count).flatMap { number in
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Array(#"{"id":"\#(number)","action":"create","signature":"\#(random)"}"#.utf8) + [0x0A]
        }
    }

    /// The body that a server's answer comes as, or why it does not.
    private func received(
        _ body: [UInt8], coding: String? = "zstd", fields: HTTPFields = ZstdTests.asking, limit: Int = 1 << 20,
        piece: Int = .max
    ) async -> Result<HTTPResponse, TransportFailure> {
        let server = ScriptedServer { socket in
            _ = socket.receive(until: "\r\n\r\n")
            let line = coding.map { "Content-Encoding: \($0)\r\n" } ?? ""
            socket.send("HTTP/1.1 200 OK\r\n\(line)Content-Length: \(body.count)\r\n\r\n")
            var rest = body[...]
            while !rest.isEmpty {
                guard socket.send(Array(rest.prefix(piece))) else { return }
                rest = rest.dropFirst(piece)
            }
            _ = socket.receiveToEnd()
        }
        do throws(TransportFailure) {
            let request = HTTPRequest(.get, "/", fields: fields, maxAnswerBytes: limit)
            return .success(try await client.perform(request, endpoint: server.endpoint).response)
        } catch {
            return .failure(error)
        }
    }

    private func body(_ result: Result<HTTPResponse, TransportFailure>) -> [UInt8]? { try? result.get().body }

    private func failure(_ result: Result<HTTPResponse, TransportFailure>) -> TransportFailure? {
        if case .failure(let failure) = result { failure } else { nil }
    }

    /// Decodes without a socket, the bytes in pieces.
    private func decoded(_ bytes: [UInt8], limit: Int, piece: Int = 64 << 10) throws -> (body: [UInt8], isWhole: Bool) {
        guard var decoder = ZstdDecoder() else { throw ZstdDecoder.Failure.undecodable }
        var body: [UInt8] = []
        var isWhole = false
        var rest = bytes[...]
        while !rest.isEmpty {
            isWhole = try rest.prefix(piece).withUnsafeBytes { try decoder.take($0, into: &body, limit: limit) }
            rest = rest.dropFirst(piece)
        }
        return (body, isWhole)
    }

    // MARK: Good ones

    @Test(arguments: [1, 100, 5000]) func aBodyComesAsItWas(_ count: Int) async throws {
        let lines = ZstdTests.lines(count)
        let frame = try #require(Zstd.compress(lines))
        for piece in [Int.max, 1000] {
            let response = try await received(frame, piece: piece).get()
            #expect(response.body == lines)
            #expect(response.fields["Content-Encoding"] == nil && response.fields["Content-Length"] == nil)
        }
    }

    @Test func everyPieceOfAFrameMayComeByItself() throws {
        // Longer than what is decoded at once, and ends at exactly that length.
        for count in [0, 1, 131_072, 262_144, 300_000] {
            let bytes = Array(repeatElement(ZstdTests.lines(100), count: 40).joined()).prefix(count)
            let all = bytes + [UInt8](repeating: 7, count: count - bytes.count)
            let frame = try #require(Zstd.compress(Array(all)))
            for piece in [1, 7, Int(frame.count)] {
                let result = try decoded(frame, limit: count, piece: piece)
                #expect(result.isWhole && result.body == Array(all), "\(count) bytes in pieces of \(piece)")
            }
        }
    }

    @Test func framesFollowOneAnotherAndSkippableOnesArePassed() throws {
        let frame = try #require(Zstd.compress(Array("one".utf8)))
        let skipped: [UInt8] = [0x50, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3]
        for piece in [1, 1000] {
            let result = try decoded(frame + skipped + frame, limit: 100, piece: piece)
            #expect(result.isWhole && result.body == Array("oneone".utf8))
        }
    }

    @Test func whoDoesNotAskGetsTheBytesAsTheyAre() async throws {
        let frame = try #require(Zstd.compress(ZstdTests.lines(10)))
        let response = try await received(frame, fields: [:]).get()
        #expect(response.body == frame && response.fields["Content-Encoding"] == "zstd")
        #expect(body(await received(Array("plain".utf8), coding: nil)) == Array("plain".utf8))
        #expect(body(await received(Array("plain".utf8), coding: "identity")) == Array("plain".utf8))
    }

    // MARK: Bad ones

    @Test func aFrameCutAnywhereIsAnEndOfFile() async throws {
        let frame = try #require(Zstd.compress(ZstdTests.lines(40)))
        for count in 1..<frame.count { #expect(try !decoded(Array(frame.prefix(count)), limit: 1 << 20).isWhole) }
        for count in [1, 4, frame.count / 2, frame.count - 1] {
            #expect(failure(await received(Array(frame.prefix(count)))) == .endOfFile, "cut at \(count)")
        }
        #expect(failure(await received(frame + frame.prefix(5))) == .endOfFile)
    }

    @Test(arguments: ["gzip", "zstd, gzip", "br", "zstd, zstd"])
    func aCodingThatWasNotAskedForIsMalformed(_ coding: String) async throws {
        let frame = try #require(Zstd.compress(ZstdTests.lines(10)))
        #expect(failure(await received(frame, coding: coding)) == .malformedAnswer)
        #expect(failure(await received(frame, coding: "zstd\r\nContent-Encoding: zstd")) == .malformedAnswer)
    }

    @Test func whatIsNoZstdIsMalformed() async {
        #expect(failure(await received(Array("{\"id\":1}\n".utf8))) == .malformedAnswer)
        let broken = [0x28, 0xB5, 0x2F, 0xFD] + [UInt8](repeating: 0xFF, count: 20)
        #expect(failure(await received(broken)) == .malformedAnswer)
    }

    @Test func noAlteredByteDoesMoreThanSpoilTheBody() throws {
        let frame = try #require(Zstd.compress(ZstdTests.lines(60)))
        for index in frame.indices {
            for mask in [UInt8(1), 0x80, 0xFF] {
                var bad = frame
                bad[index] ^= mask
                guard let result = try? decoded(bad, limit: 50_000) else { continue }
                #expect(result.body.count <= 50_000)
            }
        }
    }

    /// Many answers at one time have no more room than some of them: here as many as four of 8 MiB, past their shares.
    @Test func answersPastTheirSharesHaveOneRoom() {
        let size = 8 << 20
        let room = AnswerRoom(limit: 4 * (size - Limits.answerShare))
        let piece = [UInt8](repeating: 0x20, count: 1 << 20)
        func fill(_ body: inout AnswerBody, _ pieces: Int) -> TransportFailure? {
            for _ in 0..<pieces {
                if let problem = piece.withUnsafeBytes({ body.take($0, fields: [:]) }) { return problem }
            }
            return nil
        }
        func whole() -> TransportFailure? {
            var body = AnswerBody(of: HTTPRequest(.get, "/"), in: room)
            return fill(&body, 8)
        }
        do {
            var first = AnswerBody(of: HTTPRequest(.get, "/"), in: room)
            #expect(fill(&first, 8) == nil)
            var second = AnswerBody(of: HTTPRequest(.get, "/"), in: room)
            #expect(fill(&second, 8) == nil)
            var third = AnswerBody(of: HTTPRequest(.get, "/"), in: room)
            #expect(fill(&third, 8) == nil)
            var fourth = AnswerBody(of: HTTPRequest(.get, "/"), in: room)
            #expect(fill(&fourth, 8) == nil)
            #expect(room.held == 4 * (size - Limits.answerShare))
            #expect(whole() == .answerTooLarge(limit: Limits.answerShare))
            var small = AnswerBody(of: HTTPRequest(.get, "/"), in: room)
            #expect(fill(&small, 1) == nil, "an answer within its share is always taken")
        }
        #expect(room.held == 0)
        #expect(whole() == nil)
        #expect(room.held == 0)
        // What a frame becomes counts, and not what came of it.
        let frame = Zstd.compress([UInt8](repeating: 0x0A, count: size)) ?? []
        let small = AnswerRoom(limit: 1 << 20)
        var coded = AnswerBody(of: HTTPRequest(.get, "/", fields: ["Accept-Encoding": "zstd"]), in: small)
        let problem = frame.withUnsafeBytes { coded.take($0, fields: ["Content-Encoding": "zstd"]) }
        #expect(problem == .answerTooLarge(limit: Limits.answerShare))
    }

    @Test func aBodyThatGrowsPastItsLimitIsCutOff() async throws {
        let frame = try #require(Zstd.compress([UInt8](repeating: 0, count: 64 << 20)))
        #expect(frame.count < 16 << 10)
        #expect(failure(await received(frame)) == .answerTooLarge(limit: 1 << 20))
        // Within the limit, and still more than so few bytes may stand for.
        let limit = 112 << 20
        #expect(failure(await received(frame, limit: limit)) == .answerTooLarge(limit: limit))
        var body: [UInt8] = []
        guard var decoder = ZstdDecoder() else { throw ZstdDecoder.Failure.undecodable }
        var failure: ZstdDecoder.Failure?
        frame.withUnsafeBytes { bytes in
            do throws(ZstdDecoder.Failure) {
                _ = try decoder.take(bytes, into: &body, limit: limit)
            } catch { failure = error }
        }
        #expect(failure == .tooDense)
        #expect(body.count <= Limits.zstdFreeBytes)
    }

    @Test func aPageMayBeAsAlikeAsItLikes() throws {
        let page = [UInt8](repeating: 0x61, count: Limits.pageBytes)
        #expect(try decoded(try #require(Zstd.compress(page)), limit: Limits.answerBytes).body == page)
    }

    /// A frame of one byte whose window is 2^(10 + exponent).
    @Test(arguments: [(0, true), (13, true), (14, false), (17, false), (31, false)])
    func aWindowPastItsBoundIsNotMade(_ exponent: UInt8, _ isTaken: Bool) throws {
        let frame: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0x00, exponent << 3, 0x09, 0x00, 0x00, 0x78]
        let body = try? decoded(frame, limit: 100).body
        #expect((body == [0x78]) == isTaken)
    }

    // MARK: Asking

    @Test(arguments: [
        (nil, false), ("", false), ("zstd", true), ("gzip, ZSTD", true), ("zstd;q=0", false), ("zstd ; q=0.000", false),
        ("zstd;q=0.001", true), ("zstd;q=1", true), ("*", false), ("zstdx", false), ("br,gzip;q=0.5,zstd;q=0.1", true),
        (",;,", false),
    ])
    func whatAnAcceptEncodingTakes(_ field: String?, _ takes: Bool) {
        #expect(AcceptedCodings(field).includesZstd == takes)
    }
}
