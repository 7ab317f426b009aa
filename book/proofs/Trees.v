(** A tree of splits proves the bound on a whole cone; the orthants cover the space. *)

Require Import ZArith Reals Lra Lia List Bool.
From Certificates Require Import Duality Dyadic Cones.
Import ListNotations.
Open Scope R_scope.

Lemma dot_replaced i c t z : (i < length t)%nat -> length t = length z ->
  dot t (replaced i c z) = dot t z + nth i t 0 * (c - nth i z 0).
Proof. intros L E. rewrite dot_comm, nth_replaced_dot, dot_comm by lia. ring. Qed.

(** u stays in the cone with V_i replaced by x V_i + y V_j, if its share of V_i is the smaller one. *)
Lemma in_part i j x y new V t u :
  (i < length V)%nat -> (j < length V)%nat -> i <> j -> 0 < x -> 0 < y ->
  (forall s, dot s (values new) = x * dot s (values (nth i V [])) + y * dot s (values (nth j V []))) ->
  length t = length V -> Forall (Rle 0) t ->
  (forall s, dot s u = dot t (map (fun v => dot s (values v)) V)) ->
  nth i t 0 * y <= nth j t 0 * x -> in_cone u (replaced i new V).
Proof.
  intros I J D X Y N L F E C. set (alpha := nth i t 0 / x). set (beta := nth j t 0 - alpha * y).
  assert (P : forall k, 0 <= nth k t 0).
  { intros k. destruct (nth_in_or_default k t 0) as [H|H]; [|rewrite H; lra]. rewrite Forall_forall in F. now apply F. }
  assert (A : 0 <= alpha) by (apply Rmult_le_pos; [apply P|now apply Rlt_le, Rinv_0_lt_compat]).
  assert (B : 0 <= beta).
  { unfold beta, alpha. apply Rmult_le_reg_r with x; auto. unfold Rdiv.
    replace ((nth j t 0 - nth i t 0 * / x * y) * x) with (nth j t 0 * x - nth i t 0 * y) by (field; lra). lra. }
  exists (replaced i alpha (replaced j beta t)). repeat split.
  - rewrite !length_replaced; rewrite ?length_replaced; lia.
  - auto using replaced_nonneg.
  - intros s. rewrite E, map_replaced, N. set (f := fun v => dot s (values v)). set (z := map f V).
    assert (Z : forall k, dot s (values (nth k V [])) = nth k z 0).
    { intros k. rewrite <- (dot_nil s). unfold z. exact (eq_sym (map_nth f V [] k)). }
    assert (length z = length V) by apply map_length.
    rewrite !Z, nth_replaced_dot by (rewrite !length_replaced; rewrite ?length_replaced; lia).
    rewrite !nth_replaced, Nat.eqb_refl by lia. destruct (Nat.eqb_spec i j); [contradiction|].
    rewrite nth_replaced_dot by (rewrite ?length_replaced; lia).
    rewrite nth_replaced by lia. destruct (Nat.eqb_spec j i); [lia|].
    rewrite dot_replaced by lia. unfold beta, alpha. field. lra.
Qed.

Theorem tree_sound d rs lam u t : forall V, in_cone u V -> tree_ok d rs lam V t = true ->
  below (value lam) (correlation rs u) u.
Proof.
  induction t as [y shares|a b x y first IH1 second IH2]; intros V U H; [eapply leaf_sound; eauto|].
  simpl in H. rewrite !andb_true_iff in H. destruct H as [[[[[[[LA LB] D] E] X] Y] T1] T2].
  apply Nat.ltb_lt in LA, LB. apply Nat.eqb_eq in E. apply negb_true_iff, Nat.eqb_neq in D.
  apply positive_sound in X, Y.
  set (new := added (scaled x (nth a V [])) (scaled y (nth b V []))) in *.
  assert (N : forall s, dot s (values new)
                        = value x * dot s (values (nth a V [])) + value y * dot s (values (nth b V []))).
  { intros s. unfold new. rewrite values_added, !values_scaled, dot_add, !dot_scale; [reflexivity|].
    unfold scale, values. now rewrite !map_length. }
  destruct U as (t & L & F & C).
  destruct (Rle_dec (nth a t 0 * value y) (nth b t 0 * value x)).
  - apply (IH1 (replaced a new V)); auto. apply (in_part a b (value x) (value y) new V t); auto.
  - apply (IH2 (replaced b new V)); auto. apply (in_part b a (value y) (value x) new V t); auto; [|lra].
    intros s. rewrite N. ring.
Qed.

Lemma orthants_cover d : forall u, length u = d -> exists V, In V (orthants d) /\ in_cone u V.
Proof.
  induction d as [|d IH]; intros u L.
  - destruct u; [|discriminate]. exists []. split; [now left|]. exists []. repeat split; auto.
    intros s. now rewrite dot_nil.
  - destruct u as [|a u]; [discriminate|]. injection L as L. destruct (IH u L) as (V & I & t & K & F & E).
    pose (sign := if Rle_dec 0 a then one else opposite one).
    assert (W : value sign * Rabs a = a).
    { unfold sign, Rabs. destruct (Rle_dec 0 a), (Rcase_abs a); rewrite ?value_opposite, value_one; lra. }
    exists ((sign :: repeat zero d) :: map (cons zero) V). split.
    + simpl. apply in_or_app. unfold sign. destruct (Rle_dec 0 a); [left|right; apply in_or_app; left];
        apply in_map_iff; eauto.
    + exists (Rabs a :: t). repeat split.
      * simpl. now rewrite map_length, K.
      * constructor; auto. apply Rabs_pos.
      * intros [|c s].
        -- simpl. rewrite Rmult_0_r, map_map. simpl. rewrite dot_map_const_zero. ring.
        -- simpl. rewrite map_map. simpl.
           rewrite (map_ext _ (fun v => dot s (values v))) by (intros v; rewrite value_zero; unfold values; ring).
           rewrite <- E. change (map value (repeat zero d)) with (values (repeat zero d)).
           rewrite values_repeat, dot_zeros. rewrite <- W at 1. ring.
Qed.

Lemma trees_sound d rs lam V u : in_cone u V -> forall cones ts, In V cones -> trees_ok d rs lam cones ts = true ->
  below (value lam) (correlation rs u) u.
Proof.
  intros U. induction cones as [|C cones IH]; intros [|t ts] I H; simpl in *; try contradiction; try discriminate.
  apply andb_true_iff in H as [H0 H]. destruct I as [<-|I]; [eapply tree_sound|eapply IH]; eauto.
Qed.

Theorem side_sound d rs lam ts u : length u = d -> side_ok d rs lam ts = true ->
  below (value lam) (correlation rs u) u.
Proof. intros L H. destruct (orthants_cover d u L) as (V & I & U). eapply trees_sound; eauto. Qed.

(** Half of Young's inequality: what a correlation of at most |y.u| costs a unit. *)
Lemma below_costs lam a u v : 0 < lam -> 0 <= v -> below lam a u -> a * v <= lam * ((dot u u + v * v) / 2).
Proof.
  intros L N (y & Y & A).
  assert (P : 0 <= lam * lam * dot u u - 2 * lam * v * dot y u + v * v * dot y y).
  { clear. revert u. induction y as [|b y IH]; intros [|c u]; simpl; try lra.
    - pose proof (dot_self_nonneg u). nra.
    - pose proof (dot_self_nonneg y). nra.
    - specialize (IH u). pose proof (Rle_0_sqr (lam * c - v * b)) as Q. unfold Rsqr in Q. lra. }
  apply Rmult_le_reg_l with (2 * lam); [lra|].
  assert (a * v <= dot y u * v) by nra. assert (v * v * dot y y <= v * v * (lam * lam)) by nra. nra.
Qed.
