/// A failure that the store's can become, so that a transaction throws what its body throws.
package protocol FailureOfStore: Error, Sendable {
    init(_ failure: StoreFailure)
}

/// Why the store could not do what was asked: facts from SQLite's result codes and from the file system.
public enum StoreFailure: Error, Hashable, Sendable {
    /// Another connection holds the lock longer than we wait.
    case busy
    /// No space left, or less than is kept free.
    case full
    /// The bytes that the store may have (`StoreRoom`) are used up.
    case quota(limit: Int64)
    /// The file is damaged, or its content breaks the schema.
    case corrupt
    case readOnly
    case cannotOpen
    /// Written by an older version of this program, and opened for reading only: whoever writes brings it up to date.
    case olderSchema(found: Int)
    /// Written by a newer version of this program.
    case newerSchema(found: Int)
    /// A database, but of another application.
    case notOurs
    case io
    case interrupted
    case other(code: Int)

    /// Trying again later may succeed without anybody doing anything.
    public var isRetryable: Bool {
        switch self {
        case .busy, .full, .quota, .io, .interrupted: true
        case .corrupt, .readOnly, .cannotOpen, .olderSchema, .newerSchema, .notOurs, .other: false
        }
    }

    /// There is no room for what would make the log longer.
    public var isFull: Bool {
        switch self {
        case .full, .quota: true
        case .busy, .corrupt, .readOnly, .cannotOpen, .olderSchema, .newerSchema, .notOurs, .io, .interrupted, .other:
            false
        }
    }
}

extension StoreFailure: FailureOfStore {
    package init(_ failure: StoreFailure) { self = failure }
}
