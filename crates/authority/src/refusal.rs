//! Why an envelope is refused, with codes that never change their meaning.

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        /// Why an envelope changed nothing: each completes "refused because …". The codes are stable; where several apply, the
        /// earliest of the order of checks (shape, signature, validity, standing, nonce, limits) is given.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
        pub enum Refusal { $($(#[$doc])* #[error($text)] $name,)* }

        impl Refusal {
            /// Every refusal, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
            /// The stable code.
            #[must_use]
            pub const fn code(self) -> u16 { match self { $(Self::$name => $code),* } }
            /// The name, as in the code.
            #[must_use]
            pub const fn name(self) -> &'static str { match self { $(Self::$name => stringify!($name)),* } }
            /// The reason in words.
            #[must_use]
            pub const fn text(self) -> &'static str { match self { $(Self::$name => $text),* } }
        }
    };
}

refusals! {
    /// Shape.
    TooLarge = 101, "the envelope is longer than 16,384 bytes";
    /// Shape.
    Malformed = 102, "the bytes are no envelope, or more follow it";
    /// Shape.
    VersionNotKnown = 103, "the envelope's version is not known";
    /// Shape.
    TimeOutOfRange = 104, "a time is before 1970";
    /// Shape.
    OwnerNotValid = 105, "the owner is named and zero";
    /// Shape.
    KeyNotValid = 106, "the key is zero, or an ed25519 key that begins like an Ethereum address";
    /// Shape.
    SessionNotValid = 107, "the session key is zero or the owner's own";
    /// Shape.
    ScopesEmpty = 108, "the session would be allowed nothing";
    /// Signature.
    SignatureNotValid = 201, "the signature is not the signer's for this message";
    /// Validity.
    Expired = 301, "the envelope's validity is over";
    /// Validity.
    ValidityTooLong = 302, "the envelope would be valid for more than 24 hours";
    /// Validity.
    SessionTimeNotValid = 303, "the session would end in the past or later than in 90 days";
    /// Standing of the session.
    SessionNotFound = 401, "there is no such session, or it has ended";
    /// Standing of the session.
    NotForSessions = 402, "only the owner's own key may ask for this";
    /// Standing of the session.
    ScopeMissing = 403, "the session's scopes do not include this";
    /// Standing of the signer.
    SignerNotKnown = 404, "the signer has no account and no office: all it may do is open an account";
    /// Nonce.
    NonceUsed = 501, "the nonce was used before";
    /// Nonce.
    NonceTooOld = 502, "the nonce is 256 or more below the highest that was used";
    /// Nonce.
    NonceTooFar = 503, "the nonce is more than 4,294,967,296 above the highest that was used";
    /// Limits.
    TooManySigners = 601, "no more signers fit until some have not signed for a day";
    /// Limits.
    TooManySessions = 602, "the owner has as many sessions as fit: 64";
    /// Limits.
    TooManySessionsInAll = 603, "no more sessions fit until some have ended";
    /// Limits.
    TooManyNewcomers = 604, "too many new signers at once: try again in a second";
}
