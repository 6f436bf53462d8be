//! What the emulator's pages say, in Korean and English. An island has words of its own.

use std::fmt;

/// A language of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Korean,
    English,
}

impl Language {
    /// The better liked of the two in an `Accept-Language` header; Korean when it names neither.
    pub(super) fn preferred(header: &str) -> Self {
        let mut best = (Self::Korean, 0.0);
        for entry in header.split(',') {
            let (tag, weight) = entry.split_once(";q=").unwrap_or((entry, "1"));
            let tag = tag.trim().split('-').next().unwrap_or_default();
            let language = match tag.to_ascii_lowercase().as_str() {
                "ko" => Self::Korean,
                "en" => Self::English,
                _ => continue,
            };
            let weight: f32 = weight.trim().parse().unwrap_or(0.0);
            if weight > best.1 {
                best = (language, weight);
            }
        }
        best.0
    }

    /// Value of the `lang` attribute.
    pub(super) fn tag(self) -> &'static str {
        match self {
            Self::Korean => "ko",
            Self::English => "en",
        }
    }

    pub(super) fn texts(self) -> &'static Texts {
        match self {
            Self::Korean => &KOREAN,
            Self::English => &ENGLISH,
        }
    }
}

/// A text with named gaps such as `{app}`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text(&'static str);

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Text {
    /// The text with each gap filled.
    pub(super) fn with(self, gaps: &[(&str, &str)]) -> String {
        let mut rest = self.0;
        let mut filled = String::new();
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            let value = gaps.iter().find(|(gap, _)| *gap == name);
            filled.push_str(before);
            filled.push_str(value.map_or("", |(_, value)| value));
            rest = after;
        }
        filled.push_str(rest);
        filled
    }
}

/// Every text but those of the error pages.
pub(super) struct Texts {
    pub(super) banner: Text,
    pub(super) skip: Text,
    pub(super) home: Text,
    pub(super) pick_title: Text,
    pub(super) pick_lead: Text,
    pub(super) keep: Text,
    pub(super) scenario: Text,
    pub(super) scenario_hint: Text,
    pub(super) sc_ok: Text,
    pub(super) sc_noemail: Text,
    pub(super) sc_unverified: Text,
    pub(super) sc_used: Text,
    pub(super) sc_rate: Text,
    pub(super) sc_uri: Text,
    pub(super) sc_secret: Text,
    pub(super) sc_slow: Text,
    pub(super) sc_down: Text,
    pub(super) sc_me: Text,
    pub(super) sc_under14: Text,
    pub(super) other: Text,
    pub(super) create_title: Text,
    pub(super) nickname: Text,
    pub(super) email: Text,
    pub(super) create: Text,
    pub(super) nickname_missing: Text,
    pub(super) existing: Text,
    pub(super) hinted: Text,
    pub(super) signed_in: Text,
    pub(super) connected: Text,
    pub(super) no_email: Text,
    pub(super) unverified: Text,
    pub(super) stale: Text,
    pub(super) placeholder: Text,
    pub(super) nothing_agreed: Text,
    pub(super) long_id: Text,
    pub(super) young: Text,
    pub(super) needs_action: Text,
    pub(super) consent_title: Text,
    pub(super) consent_lead: Text,
    pub(super) items: Text,
    pub(super) no_items: Text,
    pub(super) required: Text,
    pub(super) optional: Text,
    pub(super) all: Text,
    pub(super) agree: Text,
    pub(super) cancel: Text,
    pub(super) missed: Text,
    pub(super) params: Text,
    pub(super) ok: Text,
    pub(super) note: Text,
    pub(super) refused: Text,
    pub(super) ck_redirect: Text,
    pub(super) ck_client: Text,
    pub(super) ck_state: Text,
    pub(super) ck_no_state: Text,
    pub(super) ck_pkce: Text,
    pub(super) ck_no_pkce: Text,
    pub(super) ck_nonce: Text,
    pub(super) ck_no_nonce: Text,
    pub(super) ck_scope: Text,
    pub(super) ck_no_scope: Text,
    pub(super) ck_unknown: Text,
    pub(super) ck_no_client: Text,
    pub(super) ck_no_redirect: Text,
    pub(super) ck_response_type: Text,
    pub(super) ck_prompt: Text,
    pub(super) ck_strange_scope: Text,
    pub(super) ck_method: Text,
    pub(super) ck_channel: Text,
    pub(super) ck_auth_type: Text,
    pub(super) ck_sdk: Text,
    pub(super) ck_through: Text,
    pub(super) ck_required: Text,
    pub(super) ck_logout: Text,
    pub(super) ck_no_logout: Text,
    pub(super) logout_title: Text,
    pub(super) logout_lead: Text,
    pub(super) logout_service: Text,
    pub(super) logout_both: Text,
    pub(super) foreign_title: Text,
    pub(super) foreign_text: Text,
    pub(super) missing_title: Text,
    pub(super) missing_text: Text,
    pub(super) index_title: Text,
    pub(super) index_lead: Text,
    pub(super) app: Text,
    pub(super) app_name: Text,
    pub(super) app_id: Text,
    pub(super) rest_key: Text,
    pub(super) secret: Text,
    pub(super) secret_off: Text,
    pub(super) admin_key: Text,
    pub(super) redirect_uri: Text,
    pub(super) logout_uri: Text,
    pub(super) openid: Text,
    pub(super) on: Text,
    pub(super) off: Text,
    pub(super) turn_on: Text,
    pub(super) turn_off: Text,
    pub(super) rotate: Text,
    pub(super) people: Text,
    pub(super) account: Text,
    pub(super) user_id: Text,
    pub(super) traits: Text,
    pub(super) unlink: Text,
    pub(super) action: Text,
    pub(super) log: Text,
    pub(super) empty: Text,
    pub(super) time: Text,
    pub(super) request: Text,
    pub(super) sent: Text,
    pub(super) status: Text,
    pub(super) issued: Text,
    pub(super) no_issued: Text,
    pub(super) kind: Text,
    pub(super) code: Text,
    pub(super) access: Text,
    pub(super) refresh: Text,
    pub(super) value: Text,
    pub(super) left: Text,
    pub(super) live: Text,
    pub(super) used: Text,
    pub(super) expired: Text,
    pub(super) faults: Text,
    pub(super) no_faults: Text,
    pub(super) fault: Text,
    pub(super) fault_hint: Text,
    pub(super) fault_unknown: Text,
    pub(super) endpoint: Text,
    pub(super) times: Text,
    pub(super) times_column: Text,
    pub(super) always: Text,
    pub(super) add: Text,
    pub(super) clear: Text,
    pub(super) clock: Text,
    pub(super) clock_now: Text,
    pub(super) advance: Text,
    pub(super) minutes_10: Text,
    pub(super) hours_6: Text,
    pub(super) day_1: Text,
    pub(super) days_31: Text,
    pub(super) days_60: Text,
    pub(super) move_clock: Text,
    pub(super) reset: Text,
    pub(super) reset_text: Text,
    pub(super) mail: Text,
    pub(super) mail_link: Text,
    pub(super) mail_lead: Text,
    pub(super) mail_tally: Text,
    pub(super) mail_none: Text,
    pub(super) mail_subject: Text,
    pub(super) mail_no_subject: Text,
    pub(super) mail_from: Text,
    pub(super) mail_to: Text,
    pub(super) mail_sender: Text,
    pub(super) mail_text: Text,
    pub(super) mail_no_text: Text,
    pub(super) mail_html: Text,
    pub(super) mail_headers: Text,
    pub(super) mail_back: Text,
}

static KOREAN: Texts = Texts {
    banner: Text("개발용 에뮬레이터입니다. 실제 카카오가 아닙니다."),
    skip: Text("본문으로 건너뛰기"),
    home: Text("에뮬레이터 첫 화면"),
    pick_title: Text("테스트 계정 선택"),
    pick_lead: Text("이 계정으로 로그인하려는 서비스: {app}"),
    keep: Text("로그인 상태 유지 (30일)"),
    scenario: Text("응답 시나리오"),
    scenario_hint: Text("이 로그인, 또는 다음에 오는 해당 요청에 한 번만 적용됩니다."),
    sc_ok: Text("정상"),
    sc_noemail: Text("이메일 동의 안 함"),
    sc_unverified: Text("이메일 인증 안 됨"),
    sc_used: Text("사용한 인가 코드 (KOE320)"),
    sc_rate: Text("요청 한도 초과 (KOE237)"),
    sc_uri: Text("리다이렉트 URI 불일치 (KOE303)"),
    sc_secret: Text("클라이언트 시크릿 오류 (KOE010)"),
    sc_slow: Text("응답 지연 3초"),
    sc_down: Text("서버 오류 (500)"),
    sc_me: Text("사용자 정보 일시 오류 (-1)"),
    sc_under14: Text("만 14세 미만 (-406)"),
    other: Text("다른 계정 사용"),
    create_title: Text("새 테스트 계정 만들기"),
    nickname: Text("닉네임"),
    email: Text("이메일 (없으면 비워 두세요)"),
    create: Text("만들고 계속하기"),
    nickname_missing: Text("닉네임을 입력해 주세요."),
    existing: Text("기존 테스트 계정 선택"),
    hinted: Text("요청한 계정"),
    signed_in: Text("로그인됨"),
    connected: Text("앱에 연결됨"),
    no_email: Text("이메일 없음"),
    unverified: Text("이메일 인증 안 됨"),
    stale: Text("이메일이 더는 유효하지 않음"),
    placeholder: Text("기본 닉네임"),
    nothing_agreed: Text("동의한 항목 없음"),
    long_id: Text("19자리 회원번호"),
    young: Text("만 14세 미만"),
    needs_action: Text("추가 확인 필요"),
    consent_title: Text("{app} 동의 화면 (테스트)"),
    consent_lead: Text("{person} 계정의 정보를 {app}에 제공합니다."),
    items: Text("동의항목"),
    no_items: Text("이 앱에는 동의항목이 없습니다."),
    required: Text("[필수]"),
    optional: Text("[선택]"),
    all: Text("전체 동의"),
    agree: Text("동의하고 계속하기"),
    cancel: Text("취소"),
    missed: Text("필수 항목에 동의해 주세요."),
    params: Text("받은 요청"),
    ok: Text("정상"),
    note: Text("확인"),
    refused: Text("오류"),
    ck_redirect: Text("등록된 리다이렉트 URI입니다."),
    ck_client: Text("등록된 REST API 키입니다."),
    ck_state: Text("state가 있습니다."),
    ck_no_state: Text("state가 없습니다. 로그인 CSRF를 막을 수 없습니다."),
    ck_pkce: Text("PKCE(S256)를 사용합니다."),
    ck_no_pkce: Text("PKCE를 사용하지 않습니다."),
    ck_nonce: Text("nonce가 있습니다."),
    ck_no_nonce: Text("nonce가 없습니다."),
    ck_scope: Text("콘솔에 설정된 동의항목입니다."),
    ck_no_scope: Text("scope를 보내지 않았습니다. 콘솔 설정을 따릅니다."),
    ck_unknown: Text("카카오 문서에 없는 파라미터입니다."),
    ck_no_client: Text("등록된 REST API 키가 아닙니다."),
    ck_no_redirect: Text("이 키에 등록된 리다이렉트 URI가 아닙니다. 한 글자까지 같아야 합니다."),
    ck_response_type: Text("code만 사용할 수 있습니다."),
    ck_prompt: Text("login, create, select_account, 또는 none 하나만 사용할 수 있습니다."),
    ck_strange_scope: Text("콘솔에 설정되지 않은 동의항목이 있습니다."),
    ck_method: Text("code_challenge_method=S256이 필요합니다."),
    ck_channel: Text("앱이 카카오톡 채널과 연결되어 있지 않습니다."),
    ck_auth_type: Text("prompt로 대체된 옛 파라미터입니다."),
    ck_sdk: Text("카카오 SDK 내부용입니다. 서버에서는 보내지 마세요."),
    ck_through: Text("카카오가 스스로 붙이는 값입니다. 보내면 서비스로 돌아오지 못할 수 있습니다."),
    ck_required: Text("필수 파라미터가 없습니다."),
    ck_logout: Text("등록된 로그아웃 리다이렉트 URI입니다."),
    ck_no_logout: Text("등록된 로그아웃 리다이렉트 URI가 아닙니다."),
    logout_title: Text("로그아웃 범위 선택 (테스트)"),
    logout_lead: Text("{person} 계정으로 로그인되어 있습니다."),
    logout_service: Text("이 서비스만 로그아웃"),
    logout_both: Text("카카오계정과 함께 로그아웃"),
    foreign_title: Text("다른 사이트에서 보낸 요청입니다"),
    foreign_text: Text("에뮬레이터 화면에서 다시 시도해 주세요."),
    missing_title: Text("없는 주소입니다"),
    missing_text: Text("에뮬레이터에 없는 주소입니다. 첫 화면에서 다시 시작해 주세요."),
    index_title: Text("에뮬레이터"),
    index_lead: Text("kauth.kakao.com과 kapi.kakao.com을 이 주소 하나로 대신합니다."),
    app: Text("앱"),
    app_name: Text("앱 이름"),
    app_id: Text("앱 ID"),
    rest_key: Text("REST API 키"),
    secret: Text("클라이언트 시크릿"),
    secret_off: Text("사용 안 함"),
    admin_key: Text("어드민 키"),
    redirect_uri: Text("리다이렉트 URI"),
    logout_uri: Text("로그아웃 리다이렉트 URI"),
    openid: Text("OpenID Connect"),
    on: Text("사용"),
    off: Text("사용 안 함"),
    turn_on: Text("켜기"),
    turn_off: Text("끄기"),
    rotate: Text("서명 키 교체"),
    people: Text("테스트 계정"),
    account: Text("계정"),
    user_id: Text("회원번호"),
    traits: Text("특징"),
    unlink: Text("연결 해제"),
    action: Text("작업"),
    log: Text("최근 요청 {n}건"),
    empty: Text("아직 받은 요청이 없습니다."),
    time: Text("시각"),
    request: Text("요청"),
    sent: Text("보낸 값"),
    status: Text("상태"),
    issued: Text("발급한 코드와 토큰"),
    no_issued: Text("아직 발급한 코드나 토큰이 없습니다."),
    kind: Text("종류"),
    code: Text("인가 코드"),
    access: Text("액세스 토큰"),
    refresh: Text("리프레시 토큰"),
    value: Text("값"),
    left: Text("남은 시간"),
    live: Text("유효"),
    used: Text("사용됨"),
    expired: Text("만료"),
    faults: Text("고장"),
    no_faults: Text("걸어 둔 고장이 없습니다."),
    fault: Text("고장"),
    fault_hint: Text(
        "예: KOE320, -1, delay:3000, silence, cut, malformed, status:503, after:cut. 메일: 451, 550, silence, cut, delay:3000, after:cut",
    ),
    fault_unknown: Text("알 수 없는 고장입니다. 예를 참고해 주세요."),
    endpoint: Text("주소"),
    times: Text("횟수 (0은 계속)"),
    times_column: Text("횟수"),
    always: Text("계속"),
    add: Text("추가"),
    clear: Text("모두 해제"),
    clock: Text("시계"),
    clock_now: Text("에뮬레이터 시각: {now} (실제보다 {offset} 앞섬)"),
    advance: Text("앞으로 옮길 시간"),
    minutes_10: Text("10분"),
    hours_6: Text("6시간"),
    day_1: Text("1일"),
    days_31: Text("31일"),
    days_60: Text("60일"),
    move_clock: Text("시계 옮기기"),
    reset: Text("에뮬레이터 초기화"),
    reset_text: Text("계정, 연결, 토큰, 고장, 기록, 메일, 시계를 처음으로 되돌립니다."),
    mail: Text("메일"),
    mail_link: Text("메일 ({n}통)"),
    mail_lead: Text("{url} 주소로 받은 메일입니다. 여기에만 남고 아무에게도 전송되지 않습니다."),
    mail_tally: Text("메일 {n}통, 발송 시도 {attempts}번"),
    mail_none: Text("아직 받은 메일이 없습니다."),
    mail_subject: Text("제목"),
    mail_no_subject: Text("(제목 없음)"),
    mail_from: Text("보낸 사람"),
    mail_to: Text("받는 사람"),
    mail_sender: Text("봉투의 발신 주소"),
    mail_text: Text("본문"),
    mail_no_text: Text("텍스트 본문이 없습니다."),
    mail_html: Text("HTML 원문"),
    mail_headers: Text("헤더"),
    mail_back: Text("메일 목록"),
};

static ENGLISH: Texts = Texts {
    banner: Text("Development emulator. This is not Kakao."),
    skip: Text("Skip to content"),
    home: Text("Emulator overview"),
    pick_title: Text("Choose a test account"),
    pick_lead: Text("You are signing in to: {app}"),
    keep: Text("Stay signed in (30 days)"),
    scenario: Text("Response scenario"),
    scenario_hint: Text("Applies once: to this sign-in, or to the next such request."),
    sc_ok: Text("Normal"),
    sc_noemail: Text("Email declined"),
    sc_unverified: Text("Email not verified"),
    sc_used: Text("Used code (KOE320)"),
    sc_rate: Text("Rate limited (KOE237)"),
    sc_uri: Text("Redirect URI mismatch (KOE303)"),
    sc_secret: Text("Bad client secret (KOE010)"),
    sc_slow: Text("Delay 3 s"),
    sc_down: Text("Server error (500)"),
    sc_me: Text("User information outage (-1)"),
    sc_under14: Text("Under 14 (-406)"),
    other: Text("Use another account"),
    create_title: Text("Create a test account"),
    nickname: Text("Nickname"),
    email: Text("Email (leave empty for none)"),
    create: Text("Create and continue"),
    nickname_missing: Text("Enter a nickname."),
    existing: Text("Choose an existing test account"),
    hinted: Text("Requested account"),
    signed_in: Text("Signed in"),
    connected: Text("Linked to the app"),
    no_email: Text("No email"),
    unverified: Text("Email not verified"),
    stale: Text("Email no longer valid"),
    placeholder: Text("Default nickname"),
    nothing_agreed: Text("Nothing agreed to"),
    long_id: Text("19-digit user id"),
    young: Text("Under 14"),
    needs_action: Text("Must act first"),
    consent_title: Text("Consent for {app} (test)"),
    consent_lead: Text("{app} will receive information of {person}."),
    items: Text("Consent items"),
    no_items: Text("This app has no consent items."),
    required: Text("[Required]"),
    optional: Text("[Optional]"),
    all: Text("Agree to all"),
    agree: Text("Agree and continue"),
    cancel: Text("Cancel"),
    missed: Text("Agree to the required items."),
    params: Text("Request received"),
    ok: Text("OK"),
    note: Text("Check"),
    refused: Text("Refused"),
    ck_redirect: Text("Registered redirect URI."),
    ck_client: Text("Known REST API key."),
    ck_state: Text("A state is present."),
    ck_no_state: Text("No state: nothing prevents login CSRF."),
    ck_pkce: Text("PKCE (S256) is used."),
    ck_no_pkce: Text("PKCE is not used."),
    ck_nonce: Text("A nonce is present."),
    ck_no_nonce: Text("No nonce."),
    ck_scope: Text("Configured consent items."),
    ck_no_scope: Text("No scope: the console decides."),
    ck_unknown: Text("Not a documented parameter."),
    ck_no_client: Text("Not a known REST API key."),
    ck_no_redirect: Text("Not registered under this key. It must match to the letter."),
    ck_response_type: Text("Only code is accepted."),
    ck_prompt: Text("Only login, create, select_account, or none alone."),
    ck_strange_scope: Text("Names consent items that are not configured."),
    ck_method: Text("code_challenge_method=S256 is needed."),
    ck_channel: Text("The app is not linked to a KakaoTalk channel."),
    ck_auth_type: Text("Old parameter, replaced by prompt."),
    ck_sdk: Text("Internal to Kakao's SDKs. Do not send it from a server."),
    ck_through: Text("Added by Kakao itself. Sending it may keep people from coming back."),
    ck_required: Text("A required parameter is missing."),
    ck_logout: Text("Registered logout redirect URI."),
    ck_no_logout: Text("Not a registered logout redirect URI."),
    logout_title: Text("Choose logout scope (test)"),
    logout_lead: Text("Signed in as {person}."),
    logout_service: Text("Log out of this service only"),
    logout_both: Text("Log out of the Kakao account too"),
    foreign_title: Text("Request from another site"),
    foreign_text: Text("Try again from the emulator's own page."),
    missing_title: Text("No such address"),
    missing_text: Text("The emulator has nothing here. Start again from the overview."),
    index_title: Text("Emulator"),
    index_lead: Text("Stands in for kauth.kakao.com and kapi.kakao.com at this one address."),
    app: Text("App"),
    app_name: Text("Name"),
    app_id: Text("App ID"),
    rest_key: Text("REST API key"),
    secret: Text("Client secret"),
    secret_off: Text("Off"),
    admin_key: Text("Admin key"),
    redirect_uri: Text("Redirect URI"),
    logout_uri: Text("Logout redirect URI"),
    openid: Text("OpenID Connect"),
    on: Text("On"),
    off: Text("Off"),
    turn_on: Text("Switch on"),
    turn_off: Text("Switch off"),
    rotate: Text("Rotate signing keys"),
    people: Text("Test accounts"),
    account: Text("Account"),
    user_id: Text("User id"),
    traits: Text("Traits"),
    unlink: Text("Unlink"),
    action: Text("Action"),
    log: Text("Last {n} requests"),
    empty: Text("No requests yet."),
    time: Text("Time"),
    request: Text("Request"),
    sent: Text("Sent"),
    status: Text("Status"),
    issued: Text("Codes and tokens issued"),
    no_issued: Text("Nothing issued yet."),
    kind: Text("Kind"),
    code: Text("Code"),
    access: Text("Access token"),
    refresh: Text("Refresh token"),
    value: Text("Value"),
    left: Text("Time left"),
    live: Text("Live"),
    used: Text("Used"),
    expired: Text("Expired"),
    faults: Text("Faults"),
    no_faults: Text("No faults armed."),
    fault: Text("Fault"),
    fault_hint: Text(
        "For example KOE320, -1, delay:3000, silence, cut, malformed, status:503, after:cut. \
         For mail 451, 550, silence, cut, delay:3000, after:cut",
    ),
    fault_unknown: Text("Not a fault. See the examples."),
    endpoint: Text("Endpoint"),
    times: Text("Times (0 for always)"),
    times_column: Text("Times"),
    always: Text("Always"),
    add: Text("Add"),
    clear: Text("Clear all"),
    clock: Text("Clock"),
    clock_now: Text("Emulator time: {now} ({offset} ahead)"),
    advance: Text("Move forward by"),
    minutes_10: Text("10 minutes"),
    hours_6: Text("6 hours"),
    day_1: Text("1 day"),
    days_31: Text("31 days"),
    days_60: Text("60 days"),
    move_clock: Text("Move clock"),
    reset: Text("Reset emulator"),
    reset_text: Text(
        "Puts accounts, links, tokens, faults, requests, mail and clock back to the start.",
    ),
    mail: Text("Mail"),
    mail_link: Text("Mail ({n})"),
    mail_lead: Text("Mail handed over at {url}. It stays here and is delivered to nobody."),
    mail_tally: Text("Mails: {n}, attempts to send: {attempts}"),
    mail_none: Text("No mail yet."),
    mail_subject: Text("Subject"),
    mail_no_subject: Text("(no subject)"),
    mail_from: Text("From"),
    mail_to: Text("To"),
    mail_sender: Text("Envelope sender"),
    mail_text: Text("Text"),
    mail_no_text: Text("There is no plain text."),
    mail_html: Text("HTML source"),
    mail_headers: Text("Headers"),
    mail_back: Text("All mail"),
};

/// Name of a consent item as the consent page shows it.
pub(super) fn item_name(scope: &str, language: Language) -> &str {
    let (korean, english) = match scope {
        "profile_nickname" => ("닉네임", "Nickname"),
        "profile_image" => ("프로필 사진", "Profile picture"),
        "account_email" => ("카카오계정(이메일)", "Kakao account (email)"),
        "name" => ("이름", "Name"),
        "gender" => ("성별", "Gender"),
        "age_range" => ("연령대", "Age range"),
        "birthday" => ("생일", "Birthday"),
        "birthyear" => ("출생 연도", "Year of birth"),
        "phone_number" => ("카카오계정(전화번호)", "Kakao account (phone number)"),
        other => (other, other),
    };
    match language {
        Language::Korean => korean,
        Language::English => english,
    }
}

/// Title and sentence of the page for a KOE code, without the code.
pub(super) fn koe_words(code: &str, language: Language) -> (&'static str, &'static str) {
    let settings = ("앱 관리자 설정 오류", "Admin Settings Issue");
    let request = ("잘못된 요청", "Invalid Request");
    let (title, sentence) = match code {
        "KOE003" => (
            ("일시적인 오류", "Temporary Error"),
            (
                "로그인 서버에 일시적인 문제가 있습니다. 잠시 후 다시 시도해 주세요.",
                "The login server has a temporary problem. Try again later.",
            ),
        ),
        "KOE004" => (
            settings,
            (
                "이 앱은 카카오 로그인을 사용하도록 설정되지 않았습니다.",
                "Kakao Login is not switched on for this app.",
            ),
        ),
        "KOE005" => (
            settings,
            (
                "테스트 앱입니다. 앱 멤버로 등록된 계정만 로그인할 수 있습니다.",
                "This is a test app. Only accounts registered as members can sign in.",
            ),
        ),
        "KOE006" => (
            settings,
            (
                "요청한 리다이렉트 URI가 앱에 등록되어 있지 않습니다.",
                "The requested redirect URI is not registered for the app.",
            ),
        ),
        "KOE007" => (
            settings,
            (
                "요청한 로그아웃 리다이렉트 URI가 앱에 등록되어 있지 않습니다.",
                "The requested logout redirect URI is not registered for the app.",
            ),
        ),
        "KOE008" => (
            request,
            (
                "이 주소에서 쓸 수 없는 종류의 앱 키입니다. REST API 키를 사용해 주세요.",
                "This kind of app key does not work here. Use the REST API key.",
            ),
        ),
        "KOE033" => (
            request,
            (
                "지원하지 않는 방식의 로그인 요청입니다.",
                "This way of requesting a login is not supported.",
            ),
        ),
        "KOE101" => (
            request,
            (
                "앱 키가 없거나 올바르지 않습니다.",
                "The app key is missing or wrong.",
            ),
        ),
        "KOE102" => (
            settings,
            (
                "앱이 카카오톡 채널과 연결되어 있지 않습니다.",
                "The app is not linked to a KakaoTalk channel.",
            ),
        ),
        "KOE125" => (
            settings,
            ("이용이 제한된 앱입니다.", "The app has been restricted."),
        ),
        "KOE201" => (
            request,
            (
                "지원하지 않는 response_type입니다.",
                "The response_type is not supported.",
            ),
        ),
        "KOE202" => (
            request,
            (
                "response_type=token은 사용할 수 없습니다. code를 사용해 주세요.",
                "response_type=token is refused. Use code.",
            ),
        ),
        "KOE204" => (
            request,
            (
                "올바르지 않은 파라미터가 있습니다.",
                "A parameter has an invalid value.",
            ),
        ),
        "KOE205" => (
            request,
            (
                "앱에 설정되지 않은 동의항목을 요청했습니다.",
                "The request names consent items that are not configured for the app.",
            ),
        ),
        "KOE207" => (
            request,
            (
                "필수 파라미터가 없습니다.",
                "A required parameter is missing.",
            ),
        ),
        _ => (
            request,
            (
                "요청을 처리할 수 없습니다.",
                "The request cannot be processed.",
            ),
        ),
    };
    match language {
        Language::Korean => (title.0, sentence.0),
        Language::English => (title.1, sentence.1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_better_liked_language_wins_and_korean_is_the_rest() {
        assert_eq!(Language::preferred(""), Language::Korean);
        assert_eq!(Language::preferred("fr-FR, de"), Language::Korean);
        assert_eq!(
            Language::preferred("en-US,en;q=0.9,ko;q=0.8"),
            Language::English
        );
        assert_eq!(
            Language::preferred("ko-KR,ko;q=0.9,en;q=0.8"),
            Language::Korean
        );
        assert_eq!(Language::preferred("ko;q=0, en;q=0.1"), Language::English);
    }

    #[test]
    fn gaps_are_filled_once_and_not_within_their_values() {
        let text = KOREAN
            .consent_lead
            .with(&[("app", "{person}"), ("person", "김하늘")]);
        assert_eq!(text, "김하늘 계정의 정보를 {person}에 제공합니다.");
    }
}
