DROP TABLE api_keys;
DROP TABLE api_tokens;
DROP TABLE signing_keys;
