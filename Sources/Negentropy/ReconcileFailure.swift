/// Why a session refused a message or a call. After any of these the session is as it was before the call.
///
/// `offset` is a place in the message, counted in bytes from its start.
public enum ReconcileFailure: Error, Equatable, Sendable {
    /// The message has no bytes at all.
    case emptyMessage
    /// The first byte names no version of the protocol.
    case invalidVersion(UInt8)
    /// The other side speaks another version only. Seen by the initiator; a responder answers with its own version.
    case unsupportedVersion(UInt8)
    /// The message ends in the middle of a range.
    case messageEnds(offset: Int)
    /// A number has more than 64 bits or is written with more than ten bytes.
    case numberTooLarge(offset: Int)
    /// A bound has an id prefix of more than 32 bytes.
    case prefixTooLong(UInt64, offset: Int)
    /// A range says something that protocol 1 does not know.
    case unknownMode(UInt64, offset: Int)
    /// A range ends before the one in front of it.
    case descendingBound(offset: Int)
    /// The message is longer than `ReconcileSettings.maxMessageBytes`.
    case messageTooLong(bytes: Int, limit: Int)
    /// More messages came than `ReconcileSettings.maxRounds`.
    case tooManyRounds(limit: Int)
    /// More differences were found than `ReconcileSettings.maxDifferences`.
    case tooManyDifferences(limit: Int)
    /// `receive` before `open`.
    case notOpened
    /// `open` for the second time.
    case alreadyOpened
    /// `receive` after the session had finished.
    case alreadyFinished
}

/// Why settings were refused.
public enum SettingsFailure: Error, Equatable, Sendable {
    /// A frame limit below `ReconcileSettings.minFrameLimit` could not be kept.
    case frameLimitTooSmall(Int)
    /// A cap that is below one.
    case capTooSmall(Int)
}

/// What one side of a session allows itself and its peer. Nothing of it is negotiated; the two sides may differ.
public struct ReconcileSettings: Equatable, Sendable {
    /// How a message that reached its frame limit describes the rest of the set.
    public enum Truncation: Equatable, Sendable {
        /// From the last range that was really sent on. Loses nothing, whatever rule the other side follows.
        case safe
        /// As the reference implementation (6edb041) does, byte for byte. When both sides limit their frames it can
        /// end early and report success with differences missing: for comparisons only.
        case reference
    }

    /// The smallest frame limit: one answer to one range always fits.
    public static let minFrameLimit = 4096

    /// Frames of at most 64 KiB, messages up to 8 MiB, 16,384 rounds, 4,194,304 differences, the safe rule.
    public static let standard = ReconcileSettings()

    /// The most bytes in a message made by this side, the opening one apart (it is always below 1,100); `nil`: no
    /// limit, and five bytes from the peer can draw an answer of 32 bytes for every item. For trusted peers only.
    public let frameLimit: Int?
    /// The most bytes in a message from the peer.
    public let maxMessageBytes: Int
    /// The most messages from the peer. Without frame limits a session takes about five, with them bytes ÷ limit.
    public let maxRounds: Int
    /// The most ids in `have` and `need` together: with 32 bytes for an id, a bound for memory. Initiator only.
    public let maxDifferences: Int
    public let truncation: Truncation

    private init() {
        frameLimit = 65_536
        maxMessageBytes = 8 << 20
        maxRounds = 16_384
        maxDifferences = 1 << 22
        truncation = .safe
    }

    /// - Throws: `frameLimitTooSmall` for a limit below 4,096 bytes, `capTooSmall` for a cap below one.
    public init(
        frameLimit: Int?, maxMessageBytes: Int = standard.maxMessageBytes, maxRounds: Int = standard.maxRounds,
        maxDifferences: Int = standard.maxDifferences, truncation: Truncation = .safe
    ) throws(SettingsFailure) {
        if let frameLimit, frameLimit < ReconcileSettings.minFrameLimit { throw .frameLimitTooSmall(frameLimit) }
        for cap in [maxMessageBytes, maxRounds, maxDifferences] where cap < 1 { throw .capTooSmall(cap) }
        self.frameLimit = frameLimit
        self.maxMessageBytes = maxMessageBytes
        self.maxRounds = maxRounds
        self.maxDifferences = maxDifferences
        self.truncation = truncation
    }
}
