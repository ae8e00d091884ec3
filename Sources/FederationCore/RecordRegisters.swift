/// The registers of a record: each is the value of the greatest id among its events that no other of them dominates.
///
/// Never a fold by comparing pairs: clock, then id, is not an order. A create or update keeps its place in a register
/// whether or not its `data` is here; any other event is in one only if its `data` gives it a value, so that a
/// malformed promotion neither counts nor hides one that does.
extension RecordFunction {
    /// - Parameter applied: in order of id.
    static func lifecycle(of applied: [RecordMember]) -> Record.Lifecycle {
        switch winner(of: lifecycleRegister(applied))?.action {
        case .archive: .archived
        case .trash: .trashed
        default: .active
        }
    }

    private static func lifecycleRegister(_ applied: [RecordMember]) -> [RecordMember] {
        applied.filter { $0.action?.isLifecycle == true }
    }

    /// Each tag once, in order of UTF-8 bytes.
    ///
    /// - Parameter applied: in order of id.
    static func tags(of applied: [RecordMember]) -> [String] {
        guard let winner = winner(of: tagsRegister(applied)) else { return [] }
        let tags = winner.action == .tagUpdate ? winner.replacedTags : winner.snapshot?.tags
        return RecordFunction.tags(tags ?? [])
    }

    static func tags(_ tags: [String]) -> [String] {
        tags.isEmpty ? [] : Set(tags.map(ExactText.init)).sorted().map(\.text)
    }

    private static func tagsRegister(_ applied: [RecordMember]) -> [RecordMember] {
        applied.filter { member in
            switch member.action {
            case .create, .update: true
            case .tagUpdate: member.replacedTags != nil
            default: false
            }
        }
    }

    /// While no create is applied, the shown head takes its place in the register. A `consolidate` that no event of
    /// the register dominates lifts `short` to `mid`, and nothing else.
    ///
    /// - Parameter applied: in order of id.
    static func tier(of applied: [RecordMember], shown: RecordMember?) -> Tier {
        let register = tierRegister(applied, shown: shown)
        let tier = winner(of: register).map { $0.movesTo ?? $0.snapshot.flatMap { Tier(rawValue: $0.tier) } ?? .short }
        guard (tier ?? .short) == .short else { return tier ?? .short }
        let isConsolidated = applied.contains { member in
            member.action == .consolidate && !register.contains { $0.place.dominates(member.place) }
        }
        return isConsolidated ? .mid : .short
    }

    private static func tierRegister(_ applied: [RecordMember], shown: RecordMember?) -> [RecordMember] {
        let isCreated = applied.contains { $0.action == .create }
        return applied.filter { member in
            switch member.action {
            case .create: true
            case .update: !isCreated && member.event.id == shown?.event.id
            case .promote, .demote: member.movesTo != nil
            default: false
            }
        }
    }

    /// Whose value the register has that an event is in; `nil` where it is in none of its own. A create or update is in
    /// registers by what it says of everything, and is not asked for here.
    ///
    /// - Parameter applied: in order of id.
    static func winner(beside id: ULID, of applied: [RecordMember], shown: RecordMember?) -> ULID? {
        let registers = [lifecycleRegister(applied), tagsRegister(applied), tierRegister(applied, shown: shown)]
        guard let own = registers.first(where: { $0.contains { $0.event.id == id } }) else {
            // It lifts a tier that no event of the register says anything of since.
            guard let member = applied.first(where: { $0.event.id == id && $0.action == .consolidate }) else { return nil }
            return registers[2].last { $0.place.dominates(member.place) }?.event.id ?? id
        }
        return winner(of: own)?.event.id
    }

    /// The sum of the signs of the votes, each event once.
    static func votes(of applied: [RecordMember]) -> Int64 {
        applied.reduce(0) { sum, member in
            guard member.action == .vote, let delta = member.json?["delta"]?.integer else { return sum }
            return sum + delta.signum()
        }
    }

    private static func winner(of register: [RecordMember]) -> RecordMember? {
        Dominance.greatestMaximal(register.map(\.place)).map { register[$0] }
    }
}

extension RecordMember {
    /// What a `tag_update` puts in the place of all tags.
    fileprivate var replacedTags: [String]? {
        guard let items = json?["tags"]?.array else { return nil }
        let tags = items.compactMap(\.string)
        return tags.count == items.count ? tags : nil
    }

    /// Where a promotion or demotion leads.
    fileprivate var movesTo: Tier? {
        guard action == .promote || action == .demote else { return nil }
        return json?["to"]?.string.flatMap(Tier.init(rawValue:))
    }
}
