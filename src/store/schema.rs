//! The tables, as `migrations/` makes them.

#![allow(
    missing_docs,
    reason = "the macro's own items; the columns speak for themselves"
)]

diesel::table! {
    members (id) {
        id -> Text,
        standing -> Text,
        standing_reason -> Nullable<Text>,
        standing_until -> Nullable<Timestamp>,
        display_name -> Nullable<Text>,
        picture -> Nullable<Text>,
        locale -> Nullable<Text>,
        created_at -> Timestamp,
        last_login_at -> Timestamp,
        number -> BigInt,
        role -> Text,
        version -> BigInt,
        joined_with -> Text,
        email -> Nullable<Text>,
        email_verified_at -> Nullable<Timestamp>,
        withdrawn_at -> Nullable<Timestamp>,
        email_key -> Nullable<Text>,
        name_key -> Text,
        name_grams -> Text,
    }
}

diesel::table! {
    kakao_accounts (app_id, kakao_id) {
        app_id -> BigInt,
        kakao_id -> BigInt,
        member_id -> Text,
        connected_at -> Nullable<Timestamp>,
        nickname -> Nullable<Text>,
        picture -> Nullable<Text>,
        email -> Nullable<Text>,
        email_valid -> Bool,
        email_verified -> Bool,
        scopes -> Text,
        linked_at -> Timestamp,
        synced_at -> Timestamp,
        unlinked_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    sessions (id) {
        id -> Text,
        secret_hash -> Text,
        member_id -> Text,
        method -> Text,
        ip -> Text,
        user_agent -> Text,
        created_at -> Timestamp,
        last_seen_at -> Timestamp,
        idle_ends_at -> Timestamp,
        ends_at -> Timestamp,
        ended_at -> Nullable<Timestamp>,
        ended_by -> Nullable<Text>,
        kakao_access -> Nullable<Text>,
        kakao_access_ends_at -> Nullable<Timestamp>,
        kakao_refresh -> Nullable<Text>,
        kakao_refresh_ends_at -> Nullable<Timestamp>,
        brief -> Bool,
        kakao_refreshing_until -> Nullable<Timestamp>,
        kakao_refresh_after -> Nullable<Timestamp>,
        unasked -> Bool,
    }
}

diesel::table! {
    attempts (state_hash) {
        state_hash -> Text,
        outcome -> Nullable<Text>,
        expires_at -> Timestamp,
    }
}

diesel::table! {
    outbox (id) {
        id -> Text,
        kind -> Text,
        member_id -> Nullable<Text>,
        sealed_token -> Text,
        tries -> Integer,
        created_at -> Timestamp,
        next_try_at -> Timestamp,
        expires_at -> Timestamp,
        outcome -> Nullable<Text>,
        finished_at -> Nullable<Timestamp>,
        cause -> Nullable<Text>,
    }
}

diesel::table! {
    audit_events (id) {
        id -> Text,
        at -> Timestamp,
        actor -> Nullable<Text>,
        subject -> Nullable<Text>,
        ip -> Text,
        action -> Text,
        result -> Text,
        reason -> Nullable<Text>,
        request_id -> Text,
        place -> Nullable<BigInt>,
        detail -> Nullable<Text>,
        digest -> Nullable<Text>,
    }
}

diesel::table! {
    audit_chain (id) {
        id -> Integer,
        base_place -> BigInt,
        base_digest -> Text,
        head_place -> BigInt,
        head_digest -> Text,
        voucher -> Text,
    }
}

diesel::table! {
    saved_views (id) {
        id -> Text,
        member_id -> Text,
        name -> Text,
        query -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    admin_preferences (member_id) {
        member_id -> Text,
        list_columns -> Nullable<Text>,
        shortcuts -> Bool,
    }
}

diesel::table! {
    passwords (member_id) {
        member_id -> Text,
        kept -> Text,
        changed_at -> Timestamp,
    }
}

diesel::table! {
    consents (id) {
        id -> Text,
        member_id -> Text,
        item -> Text,
        version -> Text,
        agreed -> Bool,
        at -> Timestamp,
    }
}

diesel::table! {
    mail_links (digest) {
        digest -> Text,
        purpose -> Text,
        member_id -> Text,
        email_key -> Text,
        sealed -> Nullable<Text>,
        created_at -> Timestamp,
        expires_at -> Timestamp,
        used_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    throttles (what) {
        what -> Text,
        failures -> Integer,
        first_at -> Timestamp,
        expires_at -> Timestamp,
    }
}

diesel::table! {
    webhook_events (id) {
        id -> Text,
        digest -> Text,
        source -> Text,
        event -> Text,
        kakao_id -> Nullable<BigInt>,
        reason -> Nullable<Text>,
        happened_at -> Timestamp,
        received_at -> Timestamp,
        tries -> Integer,
        next_try_at -> Timestamp,
        applied_at -> Nullable<Timestamp>,
        effect -> Nullable<Text>,
    }
}

diesel::table! {
    signing_keys (kid) {
        kid -> Text,
        sealed -> Text,
        public -> Text,
        signs_from -> Timestamp,
        created_at -> Timestamp,
        gone_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    api_tokens (session_id) {
        session_id -> Text,
        digest -> Text,
        sealed -> Text,
        previous -> Nullable<Text>,
        replaced_at -> Timestamp,
    }
}

diesel::table! {
    api_keys (id) {
        id -> Text,
        name -> Text,
        digest -> Text,
        scopes -> Text,
        made_by -> Nullable<Text>,
        created_at -> Timestamp,
        last_used_at -> Nullable<Timestamp>,
        ends_at -> Nullable<Timestamp>,
        revoked_at -> Nullable<Timestamp>,
    }
}

diesel::joinable!(passwords -> members (member_id));
diesel::joinable!(mail_links -> members (member_id));
diesel::joinable!(sessions -> members (member_id));
diesel::joinable!(kakao_accounts -> members (member_id));
diesel::allow_tables_to_appear_in_same_query!(
    api_keys,
    api_tokens,
    members,
    kakao_accounts,
    mail_links,
    passwords,
    sessions
);
