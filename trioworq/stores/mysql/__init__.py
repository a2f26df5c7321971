"""The MySQL and MariaDB store; `store.open_mysql_store` opens it, `connection` alone speaks to the driver."""
