-- Who may read. Everybody reads only; the site account alone is subject to row-level security.
CREATE ROLE insight_analyst LOGIN BYPASSRLS;
CREATE ROLE insight_unblinded LOGIN BYPASSRLS IN ROLE insight_analyst;
CREATE ROLE insight_site LOGIN;
ALTER ROLE insight_analyst SET default_transaction_read_only = on;
ALTER ROLE insight_unblinded SET default_transaction_read_only = on;
ALTER ROLE insight_site SET default_transaction_read_only = on;
