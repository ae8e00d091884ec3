/// The members that `data` has under one of Noema's actions (section 1.5), for telling what both lines can read.
struct NoemaShape {
    private enum Kind { case text, texts, bool, integer, number }

    private struct Member {
        var kind: Kind
        var isRequired = false
    }

    private let members: [String: Member]

    init(_ action: NoemaAction) {
        members =
            switch action {
            case .create, .update: NoemaShape.snapshot
            case .promote, .demote: ["from": Member(kind: .text), "to": Member(kind: .text, isRequired: true)]
            case .tagUpdate: ["tags": Member(kind: .texts, isRequired: true)]
            case .vote: ["delta": Member(kind: .integer, isRequired: true), "actor": Member(kind: .text)]
            case .consolidate:
                [
                    "source_ids": Member(kind: .texts), "distilled_id": Member(kind: .text),
                    "model_name": Member(kind: .text), "cohesion_confidence": Member(kind: .number),
                ]
            case .purgeLongTerm, .purgeHard:
                [
                    "reason": Member(kind: .text), "tier": Member(kind: .text), "actor": Member(kind: .text),
                    "hard": Member(kind: .bool),
                ]
            case .archive, .unarchive, .trash, .recover, .purge, .consolidateFallback, .divergenceLongTerm,
                .consolidationClaim, .consolidationSuccess, .consolidationFail:
                [:]
            }
    }

    private static let snapshot: [String: Member] = [
        "title": Member(kind: .text, isRequired: true), "type": Member(kind: .text, isRequired: true),
        "body": Member(kind: .text, isRequired: true), "author": Member(kind: .text), "tags": Member(kind: .texts),
        "derived_from": Member(kind: .texts), "origin": Member(kind: .text), "tier": Member(kind: .text),
        "content_hash": Member(kind: .text), "source_hash": Member(kind: .text), "source_locked": Member(kind: .bool),
    ]

    /// Whether an object has every required member, and every known one of its kind. `null` is of no kind.
    ///
    /// The Go line finds members without regard to case, so `Body` beside `body` would take its place: refused.
    func fits(_ object: JSON) -> Bool {
        guard let found = object.members else { return false }
        let upper = members.keys.map { $0.uppercased() }
        for (key, value) in found {
            if let member = members[key] {
                guard NoemaShape.is(value, member.kind) else { return false }
            } else if !members.isEmpty, upper.contains(key.uppercased()) {
                return false
            }
        }
        return members.allSatisfy { !$0.value.isRequired || object[$0.key] != nil }
    }

    private static func `is`(_ value: JSON, _ kind: Kind) -> Bool {
        switch kind {
        case .text: value.string != nil
        case .texts: value.array?.allSatisfy { $0.string != nil } ?? false
        case .bool: value.bool != nil
        case .integer: value.integer != nil
        case .number: value.isNumber
        }
    }
}

extension JSON {
    /// Whether the Rust line reads it too: no unpaired surrogate, and no number past the range of a double.
    ///
    /// One value that it cannot read costs it the whole page, at every poll.
    var isReadByEveryLine: Bool {
        var hasLoneSurrogate = false
        forEachStringPart(raw) { if case .loneSurrogate = $0 { hasLoneSurrogate = true } }
        return !hasLoneSurrogate
            && nodes.allSatisfy {
                $0.kind != .number || Double(String(decoding: document.text[$0.range], as: UTF8.self))?.isFinite ?? false
            }
    }
}
