/// Ids that are not in the log: one look says it for all of a page of newer events than any that is there.
struct UnmetIDs {
    private var bounds: ClosedRange<ULID>?
    private var met: Set<ULID> = []
    /// Nothing above it was met. Pages are in order of id nearly always.
    private var greatest = ULID.min

    init() {}

    init(of items: [PulledItem], in log: some LogReading) throws(StoreFailure) {
        var (least, greatest) = (ULID.max, ULID.min)
        for case .event(let event, _) in items { (least, greatest) = (min(least, event.id), max(greatest, event.id)) }
        guard least <= greatest else { return }
        if let known = try log.greatestID(through: greatest), known >= least { return }
        bounds = least...greatest
        met.reserveCapacity(items.count)
    }

    func contains(_ id: ULID) -> Bool {
        bounds?.contains(id) == true && (id > greatest || !met.contains(id))
    }

    mutating func remove(_ id: ULID) {
        guard bounds != nil else { return }
        met.insert(id)
        greatest = max(greatest, id)
    }
}
