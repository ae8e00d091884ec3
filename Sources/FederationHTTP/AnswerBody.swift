internal import FederationCore

/// What all answers under way take together past their shares: many peers must not do what one may. It lives on the loop's
/// thread.
final class AnswerRoom {
    private(set) var held = 0
    private let limit: Int

    init(limit: Int = Limits.answerBytesHeld) { self.limit = limit }

    func reserve(_ count: Int) -> Bool {
        guard count <= limit - held else { return false }
        held += count
        return true
    }

    func giveBack(_ count: Int) { held -= count }
}

/// The body of one answer while it arrives, decoded as its fields say, within the request's limit.
struct AnswerBody: ~Copyable {
    private(set) var bytes: [UInt8] = []
    private let limit: Int
    private let takesZstd: Bool
    private var decoder: ZstdDecoder?
    private var hasBegun = false
    /// Nothing of a frame is still to come.
    private var isWhole = true
    /// As they came, before they were decoded.
    private var received = 0
    /// `nil` for a transfer within this machine's own program.
    private let room: AnswerRoom?
    private var reserved = 0

    init(of request: HTTPRequest, in room: AnswerRoom?) {
        self.room = room
        limit = request.maxAnswerBytes
        takesZstd = AcceptedCodings(request.fields["Accept-Encoding"]).includesZstd
    }

    deinit { room?.giveBack(reserved) }

    /// Takes the next bytes; what it answers breaks the transfer off.
    mutating func take(_ piece: UnsafeRawBufferPointer, fields: HTTPFields) -> TransportFailure? {
        if !hasBegun {
            hasBegun = true
            if let problem = begin(fields) { return problem }
        }
        guard piece.count <= limit - received else { return .answerTooLarge(limit: limit) }
        received += piece.count
        guard decoder != nil else {
            guard reserve(bytes.count + piece.count) else { return .answerTooLarge(limit: Limits.answerShare) }
            unsafe bytes.append(contentsOf: piece)
            return nil
        }
        do throws(ZstdDecoder.Failure) {
            isWhole = unsafe try decoder?.take(piece, into: &bytes, limit: limit) ?? true
            return reserve(bytes.count) ? nil : .answerTooLarge(limit: Limits.answerShare)
        } catch {
            switch error {
            case .undecodable: return .malformedAnswer
            case .tooLong, .tooDense: return .answerTooLarge(limit: limit)
            }
        }
    }

    /// Takes what the body has past its share of the common room.
    private mutating func reserve(_ count: Int) -> Bool {
        guard let room, count > Limits.answerShare + reserved else { return true }
        let more = count - Limits.answerShare - reserved
        guard room.reserve(more) else { return false }
        reserved += more
        return true
    }

    private mutating func begin(_ fields: HTTPFields) -> TransportFailure? {
        guard takesZstd else { return nil }
        switch AnswerBody.coding(fields) {
        case .none: return nil
        case .zstd:
            decoder = ZstdDecoder()
            return decoder == nil ? .other(code: 0) : nil
        case .other: return .malformedAnswer
        }
    }

    /// What is wrong with a body that has ended; the fields that speak of its coding are taken out of `fields`.
    borrowing func problem(atEndOf fields: inout HTTPFields) -> TransportFailure? {
        guard decoder != nil else { return nil }
        guard isWhole else { return .endOfFile }
        fields["Content-Encoding"] = nil
        fields["Content-Length"] = nil
        return nil
    }

    private enum Coding { case none, zstd, other }

    private static func coding(_ fields: HTTPFields) -> Coding {
        guard fields.count(of: "Content-Encoding") <= 1 else { return .other }
        switch FieldText.lowercased(fields["Content-Encoding"] ?? "identity") {
        case "identity", "": return .none
        case Zstd.name: return .zstd
        default: return .other
        }
    }
}

/// What an `Accept-Encoding` field takes (RFC 9110, 12.5.3).
package struct AcceptedCodings: Hashable, Sendable {
    /// zstd is named, and not with a weight of zero. `*` names nothing: who wants it says so.
    package let includesZstd: Bool

    package init(_ field: String?) {
        includesZstd = (field ?? "").split(separator: ",").contains { entry in
            let parts = entry.split(separator: ";").map { part in
                FieldText.lowercased(String(decoding: part.utf8.filter { $0 != 0x20 && $0 != 0x09 }, as: UTF8.self))
            }
            guard parts.first == Zstd.name else { return false }
            guard let weight = parts.dropFirst().first(where: { $0.hasPrefix("q=") }) else { return true }
            return weight.dropFirst(2).contains { $0 != "0" && $0 != "." }
        }
    }
}
