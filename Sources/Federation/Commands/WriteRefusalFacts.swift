internal import FederationCore

extension CommandFailure {
    /// A refused write, as a command reports it.
    init(_ refusal: WriteRefusal, subject: String) {
        let id = ["id": subject]
        switch refusal {
        case .stopped: self.init(.stopped)
        case .invalidTraceID(let text): self.init(.invalidTraceID, ["id": text])
        case .exists: self.init(.writeRefused, ["id": subject, "why": "exists"])
        case .unknownSubject: self.init(.unknownRecord, id)
        case .purged: self.init(.purged, id)
        case .trashed: self.init(.trashed, id)
        case .diverged(let heads): self.init(.diverged, id, list: heads.map(\.description))
        case .headsChanged(let heads): self.init(.headsChanged, id, list: heads.map(\.description))
        case .notDiverged: self.init(.notDiverged, id)
        case .unknownVersion(let origins): self.init(.unknownVersion, id, list: origins)
        case .ambiguousVersion(let heads): self.init(.ambiguousVersion, id, list: heads.map(\.description))
        case .incomplete(let head): self.init(.writeRefused, ["id": subject, "why": "incomplete", "event": head.description])
        case .longTier: self.init(.immutable, id)
        case .sourceLocked(let owner): self.init(.sourceLocked, ["id": subject, "origin": owner])
        case .unknownType(let type): self.init(.unknownType, ["type": type], list: TraceType.writable)
        case .unknownTier(let tier): self.init(.unknownTier, ["tier": tier], list: Tier.allCases.map(\.rawValue))
        case .reservedType: self.init(.unknownType, ["type": TraceType.divergence.rawValue], list: TraceType.writable)
        case .tooLarge(_, let limit): self.init(.tooLarge, ["what": subject, "limit": String(limit)])
        case .clockTooLarge(_, let limit): self.init(.clockFull, ["id": subject, "limit": String(limit)])
        case .subjectAhead(let event): self.init(.writeRefused, ["id": subject, "why": "ahead", "event": event.description])
        case .numbersExhausted: self.init(.writeRefused, ["id": subject, "why": "numbers"])
        case .withheld(let reason): self.init(.writeRefused, ["id": subject, "why": reason.rawValue])
        case .invalidRequestID, .requestIDReused: self.init(.badRequest)
        }
    }
}

extension TraceType {
    /// The types that a person may give a record: a divergence is a view, and never written.
    static var writable: [String] { allCases.filter { $0 != .divergence }.map(\.rawValue) }
}
